//! A broker whose time stands still, and shorthand for what tests do with it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use glmsg_broker::{
    Backend, DeadLetterQuery, DeadLetterSelector, Intake, Lag, Nack, Ordering, Published, Received,
    Settled, Settler, Source, StartFrom, SubscribeOptions, TopicConfig,
};
use glmsg_core::{
    Clock, DeadLetter, GroupName, ManualClock, Message, MessageBuilder, MessageId, Result,
    Timestamp, TopicName,
};
use glmsg_memory::{MemoryBroker, MemoryConfig, MemorySettler, MemorySource};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// What the first poll of `future` gives.
pub(crate) fn poll<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The outcome of `future`, which does not wait.
pub(crate) fn done<T>(future: impl Future<Output = T>) -> T {
    poll(future).expect("it does not wait")
}

pub(crate) fn topic() -> TopicName {
    TopicName::new("t").unwrap()
}

pub(crate) fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

/// A message whose payload is `name`, with an id that follows from it.
pub(crate) fn message(name: &str) -> MessageBuilder {
    let mut id = [0; 16];
    id[16 - name.len()..].copy_from_slice(name.as_bytes());
    Message::builder("t")
        .id(MessageId::from_bytes(id))
        .payload(name.to_owned())
}

pub(crate) fn id(name: &str) -> MessageId {
    message(name).build().unwrap().id()
}

pub(crate) fn text(message: &Message) -> String {
    String::from_utf8(message.payload().to_vec()).unwrap()
}

pub(crate) fn texts(received: &[Received]) -> Vec<String> {
    received.iter().map(|r| text(&r.message)).collect()
}

pub(crate) struct World {
    pub(crate) broker: MemoryBroker,
    pub(crate) clock: ManualClock,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(TopicConfig::default())
    }

    pub(crate) fn with(bounds: TopicConfig) -> Self {
        let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
        let config = MemoryConfig::default().clock(clock.clone()).topic(bounds);
        let broker = MemoryBroker::new(config);
        Self { broker, clock }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) fn publish_all(&self, messages: &[Message]) -> Vec<Published> {
        done(self.broker.publish(messages)).unwrap()
    }

    pub(crate) fn publish(&self, message: MessageBuilder) -> Published {
        self.publish_all(&[message.build().unwrap()]).remove(0)
    }

    /// Publishes a plain message for each word.
    pub(crate) fn store(&self, words: &str) {
        for word in words.split(' ') {
            let outcome = self.publish(message(word));
            assert!(matches!(outcome, Published::Stored), "{outcome:?}");
        }
    }

    pub(crate) fn options(name: &str) -> SubscribeOptions {
        SubscribeOptions::new("t", name).unwrap().lease(LEASE)
    }

    pub(crate) fn subscribe(&self, options: &SubscribeOptions) -> Result<Member> {
        let source = done(self.broker.subscribe(options))?;
        let settler = source.settler();
        Ok(Member { source, settler })
    }

    pub(crate) fn join(&self, name: &str) -> Member {
        self.subscribe(&Self::options(name)).unwrap()
    }

    pub(crate) fn join_per_key(&self, name: &str) -> Member {
        self.subscribe(&Self::options(name).ordering(Ordering::PerKey))
            .unwrap()
    }

    pub(crate) fn join_from(&self, name: &str, start: StartFrom) -> Member {
        self.subscribe(&Self::options(name).start(start)).unwrap()
    }

    pub(crate) fn lag(&self, name: &str) -> Lag {
        done(self.broker.lag(&topic(), &group(name))).unwrap()
    }

    pub(crate) fn dead(&self, name: &str) -> Vec<DeadLetter> {
        let query = DeadLetterQuery::new(topic(), group(name)).limit(1000);
        done(self.broker.dead_letters(&query)).unwrap().items
    }

    pub(crate) fn redrive(&self, name: &str) -> u64 {
        let all = DeadLetterSelector::All;
        done(self.broker.redrive(&topic(), &group(name), &all)).unwrap()
    }
}

pub(crate) struct Member {
    pub(crate) source: MemorySource,
    pub(crate) settler: MemorySettler,
}

impl Member {
    /// What the first poll of a receive gives.
    pub(crate) fn try_recv(&mut self, max: usize) -> Result<(Vec<Received>, Intake)> {
        let mut buf = Vec::new();
        let intake = poll(self.source.recv(&mut buf, max)).unwrap_or(Ok(Intake::default()))?;
        Ok((buf, intake))
    }

    pub(crate) fn recv(&mut self, max: usize) -> Vec<Received> {
        self.try_recv(max).unwrap().0
    }

    /// The texts of what is deliverable now.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        texts(&self.recv(100))
    }

    pub(crate) fn one(&mut self) -> Received {
        let mut received = self.recv(1);
        assert_eq!(received.len(), 1, "there is a delivery");
        received.remove(0)
    }

    pub(crate) fn ack(&self, received: &Received) -> Settled {
        done(self.settler.ack(&[received.token])).unwrap()[0]
    }

    pub(crate) fn nack(&self, nack: Nack) -> Settled {
        done(self.settler.nack(&[nack])).unwrap()[0]
    }

    pub(crate) fn retry(&self, received: &Received, delay: Duration) -> Settled {
        self.nack(Nack::retry(received.token, delay, "no luck"))
    }

    pub(crate) fn release(&self, received: &Received) -> Settled {
        done(self.settler.release(&[received.token])).unwrap()[0]
    }

    pub(crate) fn extend(&self, received: &Received, lease: Duration) -> Settled {
        done(self.settler.extend(&[received.token], lease)).unwrap()[0]
    }
}
