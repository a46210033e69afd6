//! Streams of events that nothing trims: append under an expected version, replay, subscriptions,
//! projections, snapshots, and a hash chain that shows whether anybody has changed what was written.
//!
//! ```
//! use std::sync::Arc;
//! use glmsg_broker::{Broker, Expected};
//! use glmsg_memory::MemoryBroker;
//! use glmsg_patterns::event_sourcing::{AppendError, EventStore, NewEvent, ReplayFrom};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
//! let store = EventStore::open(&broker).await?;
//!
//! // A stream begins at version 0. Whoever expects what is no longer so learns what is.
//! let opened = NewEvent::json("opened", &"Ada")?.agent("teller-1");
//! store.append("account.7", Expected::NOTHING, [opened.clone()]).await?;
//! match store.append("account.7", Expected::NOTHING, [opened]).await {
//!     Err(AppendError::Conflict(conflict)) => assert_eq!(conflict.actual, 1),
//!     other => panic!("{other:?}"),
//! }
//!
//! let mut replay = store.replay("account.7", ReplayFrom::Beginning).await?;
//! while let Some(event) = replay.next().await? {
//!     println!("{} {} {}", event.version(), event.event_type(), event.recorded_at());
//! }
//! assert!(store.verify("account.7").await?.is_intact());
//! # Ok(())
//! # }
//! ```

mod append;
mod audit;
mod chain;
mod checkpoint;
mod event;
mod hex;
mod projection;
mod replay;
#[cfg(feature = "signed-checkpoints")]
mod signed;
mod snapshot;
mod store;
mod subscription;
mod transfer;
mod verify;

pub use append::{AppendError, Appended, VersionConflict};
pub use audit::{AuditQuery, EventPage};
pub use checkpoint::Checkpoint;
pub use event::{Event, NewEvent};
pub use projection::Projection;
pub use replay::{Replay, ReplayFrom};
#[cfg(feature = "signed-checkpoints")]
pub use signed::{CheckpointKey, CheckpointSigner, SignedCheckpoint};
pub use snapshot::Snapshot;
pub use store::EventStore;
pub use subscription::EventSubscription;
pub use verify::{Tampering, Verification};

/// The guide's examples are compiled too.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/event-sourcing.md")]
mod guide {}
