//! What a backend can do.

use glmsg_core::limits;

/// How safe a stored message is.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// In this process's memory: gone when it ends.
    Volatile,
    /// Handed to the server or the operating system: survives the end of this process.
    Local,
    /// On the disk: survives a power failure.
    Fsynced,
    /// On this many machines besides the first.
    Replicated(u8),
}

/// What a backend can do. The conformance suite runs the cases of what is declared here, checks
/// that what is not declared is refused with `Unsupported` (the guide to writing a backend has the
/// table of what is asked and what is answered), and skips nothing in silence.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability {
    /// What `Published::Stored` means.
    pub durability: Durability,
    /// Several processes can use the same topics at the same time.
    pub multi_process: bool,
    /// Higher priorities are delivered first.
    pub priorities: bool,
    /// `delay` and `deliver_at`, and retries after a delay, survive a restart as far as the
    /// durability level goes.
    pub scheduling: bool,
    /// `Ordering::PerKey`.
    pub per_key_order: bool,
    /// A second publish of the same message stores nothing.
    pub idempotent_publish: bool,
    /// Messages can be read without a group, from any time or position.
    pub replay: bool,
    /// Messages past their time to live become dead letters.
    pub ttl: bool,
    /// `max_len`, `max_age` and `Overflow` are kept.
    pub retention: bool,
    /// Members of a group can be listed.
    pub members: bool,
    /// `TopicConfig::frames`.
    pub frames: bool,
    /// Messages can be announced, and listened to, live.
    pub live: bool,
    /// Logs and values can be kept: [`Storage`](crate::Storage).
    pub storage: bool,
    /// The largest payload accepted, in bytes.
    pub max_payload: usize,
}

impl Capability {
    /// Everything, at this durability; take away what a backend lacks.
    pub const fn all(durability: Durability) -> Self {
        Self {
            durability,
            multi_process: true,
            priorities: true,
            scheduling: true,
            per_key_order: true,
            idempotent_publish: true,
            replay: true,
            ttl: true,
            retention: true,
            members: true,
            frames: true,
            live: true,
            storage: true,
            max_payload: limits::DEFAULT_MAX_PAYLOAD,
        }
    }
}
