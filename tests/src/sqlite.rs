//! The SQLite backend's fixtures: one whose clock runs, one whose clock is moved by hand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Capability, Durability};
use glmsg_conformance::Fixture;
use glmsg_core::{Clock, ManualClock, Message, SystemClock, TopicName};
use glmsg_sqlite::{SqliteBroker, SqliteConfig};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::memory::BEGINNING;

/// A store in a directory of its own, which is gone with it.
#[derive(Debug)]
struct Store(TempDir);

impl Store {
    fn new() -> Self {
        Self(TempDir::new().expect("a directory for the store"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("glmsg.db")
    }

    async fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Broker> {
        let config = SqliteConfig::new(self.path()).clock(clock);
        Arc::new(SqliteBroker::open(config).await.expect("the store opens"))
    }

    /// Stores a message and spoils its bytes, as a fault of the disk would.
    async fn inject(&self, broker: Arc<dyn Broker>, topic: &TopicName, bytes: &[u8]) -> bool {
        let message = Message::new(topic, "to be spoilt").expect("a valid message");
        let id = message.id();
        broker.publish(&[message]).await.expect("it is stored");
        let conn = Connection::open(self.path()).expect("the store opens");
        conn.busy_timeout(Duration::from_secs(30)).expect("a bound");
        let spoil = "UPDATE message SET body = ?1 WHERE id = ?2";
        let spoilt = conn.execute(spoil, (bytes, &id.as_bytes()[..]));
        assert_eq!(spoilt.expect("the schema is known"), 1, "one message");
        true
    }
}

/// A SQLite store under the machine's clock.
#[derive(Debug)]
pub struct Sqlite(Store);

impl Sqlite {
    /// How another process names the store.
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.0.path().display())
    }
}

impl Fixture for Sqlite {
    fn capability() -> Capability {
        let mut capability = Capability::all(Durability::Fsynced);
        capability.frames = false;
        capability.live = false;
        capability
    }

    async fn new() -> Self {
        Self(Store::new())
    }

    async fn broker(&self) -> Arc<dyn Broker> {
        self.0.open(Arc::new(SystemClock)).await
    }

    async fn pass(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    fn has_manual_clock() -> bool {
        false
    }

    fn can_reopen() -> bool {
        true
    }

    async fn reopen(&self) -> Arc<dyn Broker> {
        self.broker().await
    }

    async fn inject_raw(&self, topic: &TopicName, bytes: &[u8]) -> bool {
        self.0.inject(self.broker().await, topic, bytes).await
    }
}

/// A SQLite store whose clock is moved by hand, for all its handles together.
#[derive(Debug)]
pub struct SqliteByHand {
    store: Store,
    clock: ManualClock,
}

impl Fixture for SqliteByHand {
    fn capability() -> Capability {
        Sqlite::capability()
    }

    async fn new() -> Self {
        Self {
            store: Store::new(),
            clock: ManualClock::new(BEGINNING),
        }
    }

    async fn broker(&self) -> Arc<dyn Broker> {
        self.store.open(Arc::new(self.clock.clone())).await
    }

    async fn pass(&self, by: Duration) {
        self.clock.advance(by);
    }

    fn has_manual_clock() -> bool {
        true
    }

    fn can_reopen() -> bool {
        true
    }

    async fn reopen(&self) -> Arc<dyn Broker> {
        self.broker().await
    }

    async fn inject_raw(&self, topic: &TopicName, bytes: &[u8]) -> bool {
        self.store.inject(self.broker().await, topic, bytes).await
    }
}
