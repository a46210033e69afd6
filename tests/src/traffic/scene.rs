//! The place of a fault case: its topic, its group, its ledger, and its end.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use glmsg_broker::{Broker, DeadLetterQuery, ReplayQuery, StartFrom};
use glmsg_core::{DeadLetter, GroupName, TopicName};
use glmsg_faults::check::{self, Counted, Expectation, Remains, Report};
use glmsg_faults::ledger::{Event, Writer, read_dir};
use glmsg_faults::process::Killer;
use glmsg_faults::server::Mortal;
use glmsg_faults::until;
use tempfile::TempDir;

use super::rows;

/// How long a broker is tried to be reached.
const PATIENCE: Duration = Duration::from_secs(60);

/// The place of a fault case.
#[derive(Debug)]
pub struct Scene {
    url: String,
    topic: String,
    group: String,
    dir: Mutex<TempDir>,
    ledger: Writer,
}

impl Scene {
    /// On the broker of that URL, which no fault is to be put before: the end of the case is judged by it.
    ///
    /// # Panics
    /// If there is no room for the ledger.
    pub fn new(url: &str) -> Self {
        let dir = TempDir::with_prefix("glmsg-case-").expect("a folder for the ledger");
        Self {
            url: url.to_owned(),
            topic: "orders".to_owned(),
            group: "workers".to_owned(),
            ledger: Writer::open(dir.path(), "case"),
            dir: Mutex::new(dir),
        }
    }

    /// The same with another topic.
    #[must_use]
    pub fn of_topic(mut self, topic: &str) -> Self {
        topic.clone_into(&mut self.topic);
        self
    }

    /// The broker's URL.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The topic.
    pub fn topic(&self) -> String {
        self.topic.clone()
    }

    /// The group.
    pub fn group(&self) -> String {
        self.group.clone()
    }

    /// Topic and group as names.
    ///
    /// # Panics
    /// If they are none.
    pub fn names(&self) -> (TopicName, GroupName) {
        let topic = TopicName::try_from(self.topic.as_str());
        let group = GroupName::try_from(self.group.as_str());
        (topic.expect("a valid name"), group.expect("a valid name"))
    }

    /// The case's own pen: it records the faults.
    pub fn ledger(&self) -> Writer {
        self.ledger.clone()
    }

    /// A pen for somebody else.
    pub fn writer(&self, name: &str) -> Writer {
        self.dir(|dir| Writer::open(dir, name))
    }

    /// Does something with the folder of the ledger.
    pub fn dir<T>(&self, with: impl FnOnce(&Path) -> T) -> T {
        let dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner);
        with(dir.path())
    }

    /// A connection to the broker, tried for a while.
    ///
    /// # Panics
    /// If it cannot be reached.
    pub async fn connect(&self) -> Arc<dyn Broker> {
        connect(&self.url).await
    }

    /// Waits until the group has nothing left to do.
    ///
    /// # Panics
    /// If it has after that time; the message tells what.
    pub async fn quiet(&self, within: Duration) {
        let broker = self.connect().await;
        let (topic, group) = self.names();
        let deadline = Instant::now() + within;
        loop {
            let lag = broker.lag(&topic, &group).await;
            if lag.as_ref().is_ok_and(|lag| lag.total() == 0) {
                return;
            }
            let in_time = Instant::now() < deadline;
            assert!(in_time, "the group is not quiet within {within:?}: {lag:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All dead letters of the group, in their order.
    ///
    /// # Panics
    /// If they cannot be listed.
    pub async fn dead_letters(&self, broker: &Arc<dyn Broker>) -> Vec<DeadLetter> {
        let (topic, group) = self.names();
        let (mut letters, mut after) = (Vec::new(), None);
        loop {
            let query = DeadLetterQuery::new(topic.clone(), group.clone());
            let page = broker.dead_letters(&query.after(after)).await;
            let page = page.expect("dead letters can be listed");
            letters.extend(page.items);
            after = page.next;
            if after.is_none() {
                return letters;
            }
        }
    }

    /// What is left for the group, as the broker tells it.
    ///
    /// # Panics
    /// If it does not tell.
    pub async fn remains(&self, broker: &Arc<dyn Broker>) -> Remains {
        let (topic, group) = self.names();
        let lag = broker.lag(&topic, &group).await.expect("a lag");
        let letters = self.dead_letters(broker).await;
        let letters = letters.iter().map(|letter| check::DeadLetter {
            id: letter.id.to_string(),
            attempts: letter.attempts,
        });
        Remains {
            counted: Some(Counted {
                backlog: lag.undelivered,
                pending: lag.in_flight,
                delayed: lag.delayed,
            }),
            ..Remains::dead(letters)
        }
    }

    /// How often the topic holds each message: acked ones are kept for replay.
    ///
    /// # Panics
    /// If it cannot be read.
    pub async fn times_stored(&self, broker: &Arc<dyn Broker>) -> BTreeMap<String, u32> {
        let (topic, _) = self.names();
        let (mut times, mut from) = (BTreeMap::new(), StartFrom::Earliest);
        loop {
            let page = broker.replay(&ReplayQuery::new(topic.clone(), from)).await;
            let page = page.expect("the topic can be read");
            let Some(last) = page.last() else {
                return times;
            };
            from = StartFrom::After(last.position.clone());
            for stored in page {
                if let Ok(message) = stored.message {
                    *times.entry(message.id().to_string()).or_default() += 1;
                }
            }
        }
    }

    /// What is in the ledger so far.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn events(&self) -> Vec<Event> {
        self.dir(read_dir).expect("the ledger can be read")
    }

    /// Kills a server and starts it again, at random times that follow from the seed, until it is told to stop.
    pub fn kill_server(
        &self,
        server: &impl Mortal,
        seed: u64,
        every: RangeInclusive<Duration>,
    ) -> Killer {
        let (server, ledger) = (server.clone(), self.ledger());
        Killer::start(seed, every, move |_| {
            let (server, ledger) = (server.clone(), ledger.clone());
            async move {
                ledger.fault_begin("kill");
                server.kill().await;
                server.revive().await;
                ledger.fault_end("kill");
            }
        })
    }

    /// Has the case judged: by what is expected, and by what the broker says is left of it.
    ///
    /// # Panics
    /// If the broker or the ledger cannot be read.
    pub async fn judge(&self, expectation: Expectation) -> Report {
        let broker = self.connect().await;
        let topics = broker.topics().await.expect("topics can be listed");
        let has_frames = topics.iter().any(|topic| topic.config.frames.is_some());
        // What comes back to a group on Kafka is in another partition.
        let moves = has_frames || self.url.starts_with("kafka");
        let expectation = expectation
            .places_change(moves)
            .remains(&self.group, self.remains(&broker).await)
            .times_stored(self.times_stored(&broker).await);
        let report = check::check(&self.events(), &expectation);
        rows::judged(&report);
        report
    }

    /// Keeps the ledger for whoever looks into a failure.
    #[allow(clippy::print_stderr, reason = "a part of the project's tests")]
    fn keep(&self) {
        let mut dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner);
        dir.disable_cleanup(true);
        eprintln!("the ledger is in {}", dir.path().display());
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep();
        }
    }
}

/// Connects, and tries again as long as that can help.
pub(super) async fn connect(url: &str) -> Arc<dyn Broker> {
    let found = Mutex::new(None);
    until("the broker can be reached", PATIENCE, || async {
        match glmsg::connect(url).await {
            Ok(broker) => {
                *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(broker);
                true
            }
            Err(error) => {
                assert!(error.is_transient(), "the broker refuses: {error}");
                false
            }
        }
    })
    .await;
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.expect("it was found")
}
