//! A store in a directory of its own, and shorthands for what the tests do with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use glmsg_broker::{Backend, Published, Received, Settled, Settler, Source, SubscribeOptions};
use glmsg_core::{Clock, GroupName, ManualClock, Message, Timestamp, TopicName};
use glmsg_sqlite::{SqliteBroker, SqliteConfig, SqliteSource};

pub(crate) const TOPIC: &str = "orders";
pub(crate) const GROUP: &str = "billing";

/// A directory and a clock for a store.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    pub(crate) clock: ManualClock,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000)),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory().join("store.db")
    }

    pub(crate) fn config(&self) -> SqliteConfig {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        SqliteConfig::new(self.file()).clock(clock)
    }

    pub(crate) async fn open(&self) -> SqliteBroker {
        SqliteBroker::open(self.config()).await.unwrap()
    }

    /// A connection beside the broker's.
    pub(crate) fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.file()).unwrap()
    }
}

pub(crate) fn topic() -> TopicName {
    TOPIC.parse().unwrap()
}

pub(crate) fn group() -> GroupName {
    GROUP.parse().unwrap()
}

pub(crate) fn options() -> SubscribeOptions {
    SubscribeOptions::new(TOPIC, GROUP).unwrap()
}

pub(crate) fn message(n: u32) -> Message {
    Message::new(TOPIC, format!("{n}")).unwrap()
}

pub(crate) fn messages(count: u32) -> Vec<Message> {
    (0..count).map(message).collect()
}

pub(crate) async fn publish(broker: &SqliteBroker, messages: &[Message]) {
    let outcomes = broker.publish(messages).await.unwrap();
    for outcome in outcomes {
        assert!(matches!(outcome, Published::Stored), "{outcome:?}");
    }
}

/// Receives until there are `count`.
pub(crate) async fn receive(source: &mut SqliteSource, count: usize) -> Vec<Received> {
    let mut received = Vec::new();
    while received.len() < count {
        let wanted = count - received.len();
        source.recv(&mut received, wanted).await.unwrap();
    }
    received
}

pub(crate) async fn ack(source: &SqliteSource, received: &[Received]) {
    let tokens: Vec<_> = received.iter().map(|r| r.token).collect();
    let settled = source.settler().ack(&tokens).await.unwrap();
    assert!(settled.iter().all(|s| *s == Settled::Acked), "{settled:?}");
}

/// The payload as the number it was made of.
pub(crate) fn number(message: &Message) -> u32 {
    std::str::from_utf8(message.payload())
        .unwrap()
        .parse()
        .unwrap()
}

pub(crate) fn numbers(received: &[Received]) -> Vec<u32> {
    received.iter().map(|r| number(&r.message)).collect()
}
