//! Messages stored in the user's own SQLite transaction, and published afterwards.
//!
//! A program that changes its database and publishes a message does two things, and may die between
//! them. With an outbox it does one: the message is [enqueued](Outbox::enqueue) in the transaction
//! that changes the data, and a [relay](OutboxRelay) publishes it when that is committed.
//!
//! - What is committed is published; what is rolled back is not.
//! - Messages are published in the order they were enqueued, in batches, and are deleted from the
//!   outbox when the broker has said that it holds them (`Stored` or `Duplicate`).
//! - A relay that dies in between publishes them again. They keep their ids, so that a broker with
//!   idempotent publishes stores them once. On one without (Kafka) a consumer may see a message
//!   twice, with the same id; put it behind an [`Inbox`](crate::inbox) there.
//! - Several relays may run at once, in one process or in many; that is safe and no faster.
//! - A message that the broker refuses for good is *parked*: it stays in the table with the error,
//!   and the others go on.
//!
//! The table is `glmsg_outbox`, beside the user's own, in any journal mode.
//!
//! ```
//! use std::sync::Arc;
//! use glmsg_broker::Broker;
//! use glmsg_core::Message;
//! use glmsg_patterns::outbox::{Outbox, OutboxRelay};
//! # use glmsg_memory::MemoryBroker;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("shop.db");
//! let mut db = rusqlite::Connection::open(&path)?;
//! db.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT)")?;
//! Outbox::install(&db)?;
//! let relay = OutboxRelay::new(&path, broker).start().await?;
//!
//! let order = db.transaction()?;
//! order.execute("INSERT INTO orders (what) VALUES ('a book')", [])?;
//! Outbox::enqueue(&order, &Message::text("orders", "a book")?)?;
//! order.commit()?;
//!
//! relay.drained().await?;
//! relay.shutdown().await?;
//! # Ok(())
//! # }
//! ```

mod relay;
mod table;
#[cfg(test)]
mod tests;

pub use relay::{OutboxRelay, OutboxRelayHandle, OutboxStats};
pub use table::{Outbox, Parked};
