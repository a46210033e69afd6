//! A topic that is copied to another, and what came of it.

use std::collections::BTreeSet;
use std::time::Duration;

use glmsg_broker::{Broker, Published, ReplayQuery, StartFrom};
use glmsg_conformance::Fixture as _;
use glmsg_core::{ErrorKind, GroupName, Message, TopicName};
use glmsg_faults::until;
use glmsg_kafka::{KafkaBroker, KafkaConfig, Transactional, TransactionalOptions};
use glmsg_tests::KafkaPartitions;

/// How long what is awaited may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Two topics of a namespace of their own, and a group of the first.
pub(crate) struct Copying {
    pub(crate) url: String,
    pub(crate) broker: KafkaBroker,
    /// Who publishes and looks what came of it. It has all the time that a busy machine takes: its own time-outs are not
    /// what is tested.
    onlooker: KafkaBroker,
    pub(crate) from: TopicName,
    pub(crate) to: TopicName,
    pub(crate) group: GroupName,
    /// Its topics go away with it.
    _fixture: Option<KafkaPartitions>,
}

impl Copying {
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// With these settings besides.
    pub(crate) async fn with(settings: &str) -> Self {
        let fixture = KafkaPartitions::new().await;
        let url = fixture.url() + settings;
        Self {
            _fixture: Some(fixture),
            ..Self::at(url).await
        }
    }

    pub(crate) async fn at(url: String) -> Self {
        let config = KafkaConfig::from_url(&url).expect("a valid URL");
        let mut patient = config.clone();
        patient.timeout = PATIENCE;
        let (onlooker, broker) = (open(patient).await, open(config).await);
        let from = TopicName::new("from").expect("a valid name");
        let to = TopicName::new("to").expect("a valid name");
        // There to be looked at also if nothing is ever published.
        for topic in [&from, &to] {
            let config = glmsg_broker::TopicConfig::default();
            onlooker
                .create_topic(topic, &config)
                .await
                .expect("it is made");
        }
        Self {
            url,
            broker,
            onlooker,
            from,
            to,
            group: GroupName::new("copiers").expect("a valid name"),
            _fixture: None,
        }
    }

    pub(crate) async fn open(&self, member: &str) -> Transactional {
        self.open_with(TransactionalOptions::new(member)).await
    }

    pub(crate) async fn open_with(&self, options: TransactionalOptions) -> Transactional {
        let begun = tokio::time::Instant::now();
        loop {
            let options = options.clone();
            let opened = self.broker.transactional(&self.from, &self.group, options);
            match opened.await {
                Ok(opened) => return opened,
                // A cluster that has just come up.
                Err(error) if error.is_transient() && begun.elapsed() < PATIENCE => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Publishes messages to be copied, of these numbers.
    pub(crate) async fn publish(&self, numbers: impl IntoIterator<Item = usize>) {
        let each = numbers
            .into_iter()
            .map(|n| message(&self.from, &n.to_string()));
        self.publish_all(each.collect()).await;
    }

    pub(crate) async fn publish_all(&self, messages: Vec<Message>) {
        let outcomes = self.onlooker.publish(&messages).await.expect("outcomes");
        let stored = |outcome: &Published| matches!(outcome, Published::Stored);
        assert!(outcomes.iter().all(stored), "{outcomes:?}");
    }

    /// The payloads that a reader of the results sees, sorted.
    pub(crate) async fn results(&self) -> Vec<String> {
        let query = ReplayQuery::new(self.to.clone(), StartFrom::Earliest).limit(10_000);
        let stored = self.onlooker.replay(&query).await.expect("a replay");
        let each = stored.iter().map(|one| {
            let message = one.message.as_ref().expect("it can be read");
            text(message)
        });
        let mut all: Vec<String> = each.collect();
        all.sort();
        all
    }

    /// Waits until there are as many results, which must be these: a commit is answered before
    /// readers see what was published in it.
    pub(crate) async fn shows(&self, expected: Vec<String>) {
        until("the results are there", PATIENCE, || async {
            self.results().await.len() >= expected.len()
        })
        .await;
        assert_eq!(self.results().await, expected);
    }

    /// How many messages the group has still to do.
    pub(crate) async fn left(&self) -> u64 {
        let lag = self.onlooker.lag(&self.from, &self.group).await;
        let lag = lag.unwrap_or_else(|e| panic!("{e}"));
        lag.undelivered + lag.in_flight + lag.delayed
    }

    /// Waits until the group has nothing left to do. The group may not be there yet, and the broker may
    /// be busy coming up.
    pub(crate) async fn until_done(&self) {
        until("all is consumed", PATIENCE * 2, || async {
            match self.onlooker.lag(&self.from, &self.group).await {
                Ok(lag) => lag.undelivered + lag.in_flight + lag.delayed == 0,
                Err(error) if error.is_transient() || error.kind() == ErrorKind::NotFound => false,
                Err(error) => panic!("{error}"),
            }
        })
        .await;
    }
}

/// Opens a broker, which may take longer than one call of a busy cluster's.
async fn open(config: KafkaConfig) -> KafkaBroker {
    let begun = tokio::time::Instant::now();
    loop {
        match KafkaBroker::open(config.clone()).await {
            Ok(broker) => return broker,
            Err(error) if error.is_transient() && begun.elapsed() < PATIENCE => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) fn message(topic: &TopicName, text: &str) -> Message {
    Message::new(topic, text.to_owned()).expect("a valid message")
}

pub(crate) fn text(message: &Message) -> String {
    String::from_utf8_lossy(message.payload()).into_owned()
}

/// The numbers up to `count`, as [`Copying::results`] has them when each was copied once.
pub(crate) fn once_each(count: usize) -> Vec<String> {
    let all: BTreeSet<String> = (0..count).map(|n| n.to_string()).collect();
    all.into_iter().collect()
}
