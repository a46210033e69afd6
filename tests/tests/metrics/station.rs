//! A process as it runs in production: a broker with metrics, a consumer, an endpoint.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg::metrics::prometheus_client::registry::Registry;
use glmsg::metrics::{MetricsServer, Monitor, Options, PrometheusLayer};
use glmsg::{
    Broker, Consumer, ConsumerHandle, GroupName, HandlerError, Incoming, Layer, Message, MessageId,
    RetryPolicy, TopicName,
};

/// What becomes of a message, by its payload.
const FAILS_ONCE: &str = "fails once";
const FAILS_ALWAYS: &str = "fails always";
const IS_REFUSED: &str = "is refused";
const IS_GOOD: &str = "is good";

/// How often the handler was called for each message, and how often it said yes.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) calls: HashMap<MessageId, u64>,
    pub(crate) handled: u64,
    pub(crate) failed: u64,
}

pub(crate) struct Station {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) server: MetricsServer,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) topic: TopicName,
    pub(crate) group: GroupName,
    _monitor: Monitor,
    _directory: tempfile::TempDir,
}

impl Station {
    pub(crate) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("broker.db").display());
        let mut registry = Registry::default();
        let options = Options::default().lag_interval(Duration::from_millis(200));
        let layer = PrometheusLayer::new(&mut registry, options).unwrap();
        let broker = layer.layer(glmsg::connect(&url).await.unwrap());
        let monitor = Monitor::start(&layer, broker.clone());
        let server = MetricsServer::bind("127.0.0.1:0", registry, monitor.health()).await;
        Self {
            broker,
            server: server.unwrap(),
            ledger: Arc::default(),
            topic: TopicName::new("orders").unwrap(),
            group: GroupName::new("billing").unwrap(),
            _monitor: monitor,
            _directory: directory,
        }
    }

    /// Publishes 1000 messages, of which 100 fail once, 20 always, and 5 are refused.
    pub(crate) async fn publish(&self) {
        let kinds = [
            (FAILS_ONCE, 100),
            (FAILS_ALWAYS, 20),
            (IS_REFUSED, 5),
            (IS_GOOD, 875),
        ];
        for (kind, count) in kinds {
            let message = |_| Message::builder(&self.topic).payload(kind).build().unwrap();
            let messages: Vec<Message> = (0..count).map(message).collect();
            for outcome in self.broker.publish(&messages).await.unwrap() {
                outcome.into_result().unwrap();
            }
        }
    }

    pub(crate) async fn consumer(&self) -> ConsumerHandle {
        let ledger = self.ledger.clone();
        let handler = move |incoming: Incoming| {
            let ledger = ledger.clone();
            async move {
                let mut ledger = ledger.lock().unwrap();
                *ledger.calls.entry(incoming.id()).or_default() += 1;
                let is_first = ledger.calls[&incoming.id()] == 1;
                let ended = match std::str::from_utf8(incoming.payload()) {
                    Ok(FAILS_ONCE) if is_first => Err(HandlerError::retry("not yet")),
                    Ok(FAILS_ALWAYS) => Err(HandlerError::retry("never")),
                    Ok(IS_REFUSED) => Err(HandlerError::reject("not mine")),
                    _ => Ok(()),
                };
                match &ended {
                    Ok(()) => ledger.handled += 1,
                    Err(_) => ledger.failed += 1,
                }
                ended
            }
        };
        let consumer = Consumer::new(self.broker.clone(), &self.topic, &self.group)
            .retry(RetryPolicy::fixed(Duration::from_millis(50)))
            .start(handler);
        consumer.await.unwrap()
    }

    /// Waits until the group has nothing left.
    pub(crate) async fn done(&self) {
        let end = std::time::Instant::now() + Duration::from_secs(120);
        loop {
            let lag = self.broker.lag(&self.topic, &self.group).await.unwrap();
            if lag.total() == 0 {
                return;
            }
            assert!(
                std::time::Instant::now() < end,
                "waited 120 s until all is done: {lag:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
