//! Each message handled once by a group.
//!
//! Every broker delivers at least once: after a crash, a lost connection or a second publish a
//! message comes again. An [`Inbox`] remembers what a group has handled, in the broker's own
//! [storage](glmsg_broker::Storage), and for a [window](InboxBuilder::window) of time (default: 7
//! days).
//!
//! It has two phases. Before a key is handled it is *claimed*, by one of all processes; when it is
//! handled it is *done*. What that means when a process dies:
//!
//! - Before the handler's effect: the claim lapses (default: after 30 s), and another handles it.
//! - After the effect, and before it is done: **it is handled again**. No memory beside the effect can
//!   know of it. Make the effect and the mark one step where you can (one database transaction with
//!   the key in it), or make the effect idempotent.
//! - After it is done, before the message is acked: the message comes again, and is skipped.
//!
//! A process that stood still for longer than its claim, while another took it over, is told so when
//! it wants to mark it done: `Conflict`. Claims compare the clocks of the machines, which must agree
//! to a few seconds.
//!
//! It needs a backend whose capability `storage` is true.
//!
//! ```
//! use std::sync::Arc;
//! use glmsg_broker::{Broker, Consumer, Incoming};
//! use glmsg_patterns::inbox::{Claim, Inbox};
//! # use glmsg_memory::MemoryBroker;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> glmsg_core::Result<()> {
//! let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
//! let inbox = Inbox::open(&broker, "billing").await?;
//!
//! // Before a consumer: each message id is handled once.
//! let consumer = inbox
//!     .consumer(Consumer::new(broker, "orders", "billing"))
//!     .start(|order: Incoming| async move {
//!         println!("{} is billed", order.id());
//!         Ok(())
//!     })
//!     .await?;
//! consumer.shutdown().await?;
//!
//! // By hand.
//! match inbox.claim("order-4711").await? {
//!     Claim::New(claim) => {
//!         println!("it is billed");
//!         claim.done().await?;
//!     }
//!     Claim::Done => println!("it was billed before"),
//!     Claim::Held { retry_after } => println!("somebody is at it; ask again in {retry_after:?}"),
//! }
//! # Ok(())
//! # }
//! ```

mod claim;
mod consumer;
mod entry;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{BoxStorage, Broker, Change, Expected, Storage as _, StorageKey};
use glmsg_core::{Clock as _, Error, ErrorKind, GroupName, MessageId, Result, SystemClock};
use tokio::time::sleep;

pub use claim::ClaimGuard;
pub use consumer::{InboxConsumer, InboxHandle, InboxStats};
use entry::Entry;

/// How often a change is tried whose outcome nobody knows.
const TRIES: u32 = 8;
/// After a try that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// What a group has handled; see the [module](self). A clone is the same inbox, and so is every
/// inbox of one group on one broker.
#[derive(Clone)]
pub struct Inbox(Arc<Inner>);

struct Inner {
    storage: BoxStorage,
    group: GroupName,
    window: Duration,
    lease: Duration,
}

/// Sets up an [`Inbox`].
#[must_use = "an inbox is made by `open`"]
#[derive(Debug, Clone)]
pub struct InboxBuilder {
    group: Result<GroupName, String>,
    window: Duration,
    lease: Duration,
}

impl InboxBuilder {
    /// How long it remembers that a key was handled, 1 s to 10 years. It should be longer than a
    /// message can come again: a publisher's retries, a redrive by an operator. Default: 7 days.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How long a claim holds after its last sign of life; it is renewed while its guard lives.
    /// 100 ms to 1 h; default: 30 s.
    pub fn claim_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Opens the inbox.
    ///
    /// # Errors
    /// `Unsupported` if the broker has no storage; `InvalidArgument` for a name or a bound that is
    /// not valid.
    pub async fn open(self, broker: &Arc<dyn Broker>) -> Result<Inbox> {
        let wrong = |what: &str| Error::new(ErrorKind::InvalidArgument, what).operation("inbox");
        let group = self.group.map_err(|error| wrong(&error))?;
        let years = Duration::from_secs(3652 * 86_400);
        if self.window < Duration::from_secs(1) || self.window > years {
            return Err(wrong("the window must be 1 s to 10 years"));
        }
        if self.lease < Duration::from_millis(100) || self.lease > Duration::from_secs(3600) {
            return Err(wrong("the lease of a claim must be 100 ms to 1 h"));
        }
        Ok(Inbox(Arc::new(Inner {
            storage: broker.open_storage().await?,
            group,
            window: self.window,
            lease: self.lease,
        })))
    }
}

/// What came of [claiming](Inbox::claim) a key.
#[must_use = "a claim that is dropped is given back"]
#[derive(Debug)]
pub enum Claim {
    /// It is yours to handle.
    New(ClaimGuard),
    /// It was handled within the window.
    Done,
    /// Somebody has claimed it, and has not said yet that it is done.
    Held {
        /// When the claim lapses, unless it is renewed.
        retry_after: Duration,
    },
}

impl Inbox {
    /// The inbox of a group, with defaults.
    ///
    /// # Errors
    /// As [`InboxBuilder::open`].
    pub async fn open<G>(broker: &Arc<dyn Broker>, group: G) -> Result<Self>
    where
        G: TryInto<GroupName>,
        Error: From<G::Error>,
    {
        Self::builder(group).open(broker).await
    }

    /// Sets up the inbox of a group; a name that is not valid is reported by
    /// [`open`](InboxBuilder::open).
    pub fn builder<G>(group: G) -> InboxBuilder
    where
        G: TryInto<GroupName>,
        Error: From<G::Error>,
    {
        let group = group.try_into().map_err(Error::from);
        InboxBuilder {
            group: group.map_err(|error| error.to_string()),
            window: Duration::from_secs(7 * 86_400),
            lease: Duration::from_secs(30),
        }
    }

    /// Claims a key: of all who do so at a time, in all processes, one gets it.
    ///
    /// # Errors
    /// `InvalidArgument` for a key that is empty, over 250 bytes, or has control characters; as
    /// [`Storage`](glmsg_broker::Storage).
    ///
    /// # Cancel safety
    /// If the future is dropped the key may be claimed; the claim lapses.
    pub async fn claim(&self, key: &str) -> Result<Claim> {
        let key = self.key(key)?;
        let owner = MessageId::new();
        let mut tries = 0;
        // What is found; mostly there is nothing.
        let mut expected = Expected::NOTHING;
        loop {
            let deadline = SystemClock.now().after(self.0.lease);
            let entry = Entry::Claimed { owner, deadline };
            match self.put(&key, entry, expected).await {
                Ok(Change::Made(version)) => {
                    return Ok(Claim::New(ClaimGuard::new(self, key, owner, version)));
                }
                Ok(Change::Conflict(_)) => {}
                Err(error) if error.is_transient() && tries < TRIES => {
                    tries += 1;
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
            let Some(found) = self.0.storage.get(&key).await? else {
                expected = Expected::NOTHING;
                continue;
            };
            match Entry::read(&found.data)? {
                Entry::Done { .. } => return Ok(Claim::Done),
                // The answer to our put was lost.
                Entry::Claimed {
                    owner: found_owner, ..
                } if found_owner == owner => {
                    let guard = ClaimGuard::new(self, key, owner, found.version);
                    return Ok(Claim::New(guard));
                }
                Entry::Claimed { deadline, .. } => {
                    let left = deadline.since(SystemClock.now());
                    if left > Duration::ZERO {
                        return Ok(Claim::Held { retry_after: left });
                    }
                    expected = Expected::Version(found.version);
                }
            }
        }
    }

    /// Whether a key was handled within the window.
    ///
    /// # Errors
    /// As [`claim`](Self::claim).
    pub async fn is_done(&self, key: &str) -> Result<bool> {
        match self.0.storage.get(&self.key(key)?).await? {
            None => Ok(false),
            Some(found) => Ok(matches!(Entry::read(&found.data)?, Entry::Done { .. })),
        }
    }

    /// Forgets a key, so that it can be handled again. Claims of it are lost.
    ///
    /// # Errors
    /// As [`claim`](Self::claim).
    pub async fn forget(&self, key: &str) -> Result<()> {
        let key = self.key(key)?;
        let _: Change = self.0.storage.remove(&key, Expected::Any).await?;
        Ok(())
    }

    /// Its group.
    pub fn group(&self) -> &GroupName {
        &self.0.group
    }

    fn key(&self, key: &str) -> Result<StorageKey> {
        const MOST: usize = 250;
        if key.is_empty() || key.len() > MOST {
            return Err(
                Error::new(ErrorKind::InvalidArgument, "a key must be 1 to 250 bytes")
                    .operation("inbox")
                    .with("bytes", key.len()),
            );
        }
        StorageKey::new(format!("inbox/{}/{key}", self.0.group))
    }

    async fn put(&self, key: &StorageKey, entry: Entry, expected: Expected) -> Result<Change> {
        // A claim is kept as long as what is done: its version only grows meanwhile, so that a
        // claim that was lost cannot be taken for the one that came after it.
        let ttl = self.0.window.max(self.0.lease.saturating_mul(10));
        let data: Bytes = entry.write();
        self.0.storage.put(key, &data, expected, Some(ttl)).await
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("group", &self.0.group)
            .field("window", &self.0.window)
            .finish_non_exhaustive()
    }
}
