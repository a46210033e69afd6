//! A process as it runs in production: a broker with metrics, a consumer, an endpoint.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg::metrics::prometheus_client::registry::Registry;
use glmsg::metrics::{MetricsServer, Monitor, Options, PrometheusLayer};
use glmsg::{
    Broker, BrokerExt, Consumer, ConsumerHandle, GroupName, HandlerError, Incoming, Layer, Message,
    MessageId, RetryPolicy, SubscribeOptions, TopicName,
};
use glmsg_faults::Port;

/// What becomes of a message, by its payload.
pub(crate) const FAILS_ONCE: &str = "fails once";
pub(crate) const FAILS_ALWAYS: &str = "fails always";
pub(crate) const IS_REFUSED: &str = "is refused";
pub(crate) const IS_GIVEN_BACK: &str = "is given back once";
pub(crate) const IS_GOOD: &str = "is good";

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
    pub(crate) layer: PrometheusLayer,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) topic: TopicName,
    pub(crate) group: GroupName,
    registry: Arc<Registry>,
    /// The endpoint's, also while nobody listens there.
    _port: Port,
    monitor: Monitor,
    _directory: tempfile::TempDir,
}

/// Messages of a kind.
pub(crate) fn messages(topic: &TopicName, kind: &'static str, count: usize) -> Vec<Message> {
    let message = |_| Message::builder(topic).payload(kind).build().unwrap();
    (0..count).map(message).collect()
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
        let registry = Arc::new(registry);
        let port = Port::hold();
        let server = MetricsServer::bind(port.addr(), registry.clone(), monitor.health()).await;
        Self {
            broker,
            server: server.unwrap(),
            layer,
            ledger: Arc::default(),
            topic: TopicName::new("orders").unwrap(),
            group: GroupName::new("billing").unwrap(),
            registry,
            _port: port,
            monitor,
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
            let messages = messages(&self.topic, kind, count);
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
                    Ok(IS_GIVEN_BACK) if is_first => Err(HandlerError::release("not now")),
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

    /// Takes all that waits in a topic for its one group.
    pub(crate) async fn take_all(&self, topic: &str) {
        let topic = TopicName::new(topic).unwrap();
        let groups = self.broker.groups(&topic).await.unwrap();
        let [group] = &groups[..] else {
            panic!("one group: {groups:?}");
        };
        let lag = self.broker.lag(&topic, &group.name).await.unwrap();
        let options = SubscribeOptions::new(&topic, group.name.clone()).unwrap();
        let mut subscription = self.broker.subscribe(options).await.unwrap();
        for _ in 0..lag.total() {
            subscription.recv().await.unwrap().ack().await.unwrap();
        }
        subscription.close().await.unwrap();
    }

    /// The endpoint is here from now on, and no longer where it was.
    pub(crate) async fn move_endpoint(&mut self, to: SocketAddr) {
        let health = self.monitor.health();
        let server = MetricsServer::bind(to, self.registry.clone(), health).await;
        let before = std::mem::replace(&mut self.server, server.unwrap());
        before.shutdown().await;
    }
}
