//! A broker, what it publishes, and what it says of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Published, ReplayQuery, Settler, Source, StartFrom, SubscribeOptions};
use glmsg_core::{Message, MessageId, TopicName};
use glmsg_faults::until;
use glmsg_redis::{RedisBroker, RedisConfig, RedisEvent};
use tokio::sync::broadcast::Receiver;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const TOPIC: &str = "orders";

/// A broker and its events.
pub(crate) struct Place {
    pub(crate) broker: Arc<dyn Broker>,
    events: Receiver<RedisEvent>,
}

impl Place {
    pub(crate) async fn open(url: &str) -> Self {
        Self::with(RedisConfig::from_url(url).expect("a URL")).await
    }

    pub(crate) async fn with(config: RedisConfig) -> Self {
        let config = config.timeout(Duration::from_secs(30));
        let broker = RedisBroker::open(config).await.expect("it is reached");
        Self {
            events: broker.events(),
            broker: Arc::new(broker),
        }
    }

    /// Publishes so many new messages, twenty at a time, and each is stored.
    pub(crate) async fn publish(&self, number: usize) -> Vec<MessageId> {
        let messages = (0..number).map(|n| Message::new(TOPIC, n.to_string()));
        let messages: Vec<Message> = messages.map(|m| m.expect("a message")).collect();
        for some in messages.chunks(20) {
            self.store(some).await;
        }
        messages.iter().map(Message::id).collect()
    }

    pub(crate) async fn store(&self, messages: &[Message]) {
        let outcomes = self.broker.publish(messages).await.expect("a server");
        let are_stored = |outcome: &Published| matches!(outcome, Published::Stored);
        assert!(outcomes.iter().all(are_stored), "{outcomes:?}");
    }

    /// The next event that is about messages.
    pub(crate) async fn loss(&mut self) -> (u64, u64) {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let event = event.expect("a loss is reported within a minute");
            match event.expect("events come as long as the broker lives") {
                RedisEvent::MessagesLost {
                    topic,
                    lost,
                    stored_again,
                } => {
                    assert_eq!(topic.as_str(), TOPIC);
                    return (lost, stored_again);
                }
                _ => continue,
            }
        }
    }

    /// Events that came so far.
    pub(crate) fn events(&mut self) -> Vec<RedisEvent> {
        let mut events = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            events.push(event);
        }
        events
    }

    /// How often the topic holds each message.
    pub(crate) async fn stored(&self) -> BTreeMap<MessageId, u32> {
        let topic = TopicName::new(TOPIC).expect("a name");
        let (mut found, mut from) = (BTreeMap::new(), StartFrom::Earliest);
        loop {
            let query = ReplayQuery::new(topic.clone(), from);
            let page = self.broker.replay(&query).await.expect("it can be read");
            let Some(last) = page.last() else {
                return found;
            };
            from = StartFrom::After(last.position.clone());
            for stored in page {
                let message = stored.message.expect("a message");
                *found.entry(message.id()).or_default() += 1;
            }
        }
    }

    /// Receives and acks until it has had so many, and then as long as more comes at once.
    pub(crate) async fn consume(&self, number: usize) -> BTreeMap<MessageId, u32> {
        let options = SubscribeOptions::new(TOPIC, "workers").expect("names");
        let mut source = self.broker.open_source(&options).await.expect("a source");
        let (mut found, mut buffer) = (BTreeMap::new(), Vec::new());
        let mut patience = PATIENCE;
        loop {
            let received = source.recv(&mut buffer, 100);
            match tokio::time::timeout(patience, received).await {
                Ok(received) => drop(received.expect("a server")),
                Err(_) if found.len() >= number => return found,
                Err(_) => panic!("{} of {number} came", found.len()),
            }
            let tokens: Vec<_> = buffer.iter().map(|received| received.token).collect();
            source.settler().ack(&tokens).await.expect("a server");
            for received in buffer.drain(..) {
                *found.entry(received.message.id()).or_default() += 1;
            }
            if found.len() >= number {
                patience = Duration::from_secs(1);
            }
        }
    }
}

/// Waits until the broker has looked at a server that is another now: a probe of its health connects to it.
pub(crate) async fn reached(place: &Place) {
    until("the server is reached again", PATIENCE, || async {
        place.broker.health().await.problem.is_none()
    })
    .await;
}
