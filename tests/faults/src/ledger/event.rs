//! What can stand on a line of the ledger.

use serde::{Deserialize, Serialize};

/// One step of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was recorded: [`now_ns`](super::now_ns).
    pub at: u64,
    /// Whose step it is; for [`What::Crash`] and the faults, who suffers it.
    pub process: String,
    /// The step.
    #[serde(flatten)]
    pub what: What,
}

/// A step.
///
/// `id` is the message's id, `group` the consumer group that the step belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// About to publish. A retry of the same message is a `pub_try` again.
    PubTry {
        /// The message.
        id: String,
        /// The key whose order is kept, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Where the message stands among those of its key; it rises.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<u64>,
    },
    /// The store answered that it has the message.
    PubOk {
        /// The message.
        id: String,
    },
    /// The store answered that it had the message already. It is as good as [`PubOk`](Self::PubOk).
    PubDup {
        /// The message.
        id: String,
    },
    /// The store answered that it has no room: the message is not stored.
    PubFull {
        /// The message.
        id: String,
    },
    /// The store, or the client before it, refused the message for good: it is not stored.
    PubRejected {
        /// The message.
        id: String,
        /// Why.
        reason: String,
    },
    /// Nobody knows: a time-out, a broken connection. The message may or may not be stored.
    PubIndeterminate {
        /// The message.
        id: String,
    },
    /// A message was delivered.
    Recv {
        /// The message.
        id: String,
        /// For which group.
        group: String,
        /// Which delivery of the message this is for the group, from 1.
        attempt: u32,
        /// How long the delivery is the receiver's alone, in ms; 0 if there is no lease.
        #[serde(default)]
        lease_ms: u64,
        /// Where the message is stored, if the backend tells and a retry does not move it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<String>,
    },
    /// The lease was renewed, for this long from now.
    Extend {
        /// The message.
        id: String,
        /// For which group.
        group: String,
        /// In ms, from this event on.
        lease_ms: u64,
    },
    /// The handler has finished: whatever the message asked for has happened.
    Done {
        /// The message.
        id: String,
        /// For which group.
        group: String,
    },
    /// An acknowledgement was answered.
    Ack {
        /// The message.
        id: String,
        /// For which group.
        group: String,
        /// When the call began, on the ledger's clock; 0 if it was not noted.
        #[serde(default)]
        called: u64,
        /// What came of it.
        result: Settlement,
    },
    /// A negative acknowledgement was answered.
    Nack {
        /// The message.
        id: String,
        /// For which group.
        group: String,
        /// When the call began, on the ledger's clock; 0 if it was not noted.
        #[serde(default)]
        called: u64,
        /// What came of it.
        result: Settlement,
    },
    /// The message was given back without counting the attempt, and that was answered.
    Release {
        /// The message.
        id: String,
        /// For which group.
        group: String,
        /// When the call began, on the ledger's clock; 0 if it was not noted.
        #[serde(default)]
        called: u64,
        /// What came of it.
        result: Settlement,
    },
    /// The message became a dead letter. One process records it, once for each time the message dies.
    Dead {
        /// The message.
        id: String,
        /// Of which group.
        group: String,
        /// Why.
        reason: String,
    },
    /// An operator sent a dead letter again.
    Redrive {
        /// The message.
        id: String,
        /// To which group.
        group: String,
    },
    /// The system under test said by itself that it lost messages.
    LossReported {
        /// How many, as far as it knows; at least 1.
        count: u64,
    },
    /// A health probe was answered.
    Health {
        /// What it said.
        healthy: bool,
    },
    /// The process began.
    Start,
    /// The process ended in order.
    Stop,
    /// The process was killed; recorded by whoever killed it.
    Crash,
    /// The process has learned that the store had given to others what it held, without asking it: it was not heard of
    /// for too long.
    ShutOut,
    /// A fault begins; recorded by whoever causes it, before it does.
    FaultBegin {
        /// Its name.
        fault: String,
    },
    /// The fault of that name is over.
    FaultEnd {
        /// Its name.
        fault: String,
    },
}

impl What {
    /// The message that the step is about.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::PubTry { id, .. }
            | Self::PubOk { id }
            | Self::PubDup { id }
            | Self::PubFull { id }
            | Self::PubRejected { id, .. }
            | Self::PubIndeterminate { id }
            | Self::Recv { id, .. }
            | Self::Extend { id, .. }
            | Self::Done { id, .. }
            | Self::Ack { id, .. }
            | Self::Nack { id, .. }
            | Self::Release { id, .. }
            | Self::Dead { id, .. }
            | Self::Redrive { id, .. } => Some(id),
            _ => None,
        }
    }

    /// The group that the step belongs to.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::Recv { group, .. }
            | Self::Extend { group, .. }
            | Self::Done { group, .. }
            | Self::Ack { group, .. }
            | Self::Nack { group, .. }
            | Self::Release { group, .. }
            | Self::Dead { group, .. }
            | Self::Redrive { group, .. } => Some(group),
            _ => None,
        }
    }
}

/// What came of an acknowledgement, a negative one, or a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// It was done: the message is acked, or will come again.
    Accepted,
    /// It was done, and the message is a dead letter now. This is not yet a [`What::Dead`].
    Dead,
    /// The delivery is no longer the caller's; nothing was changed.
    Stale,
    /// There is no such message any more; nothing was changed.
    Gone,
    /// Nobody knows: a time-out, a broken connection.
    Unknown,
}
