//! How far a stream had come at some time.

use glmsg_core::{Timestamp, TopicName};
use serde::{Deserialize, Serialize};

use super::chain::{ChainHash, Tail};

/// How far a stream had come: its version then, and the hash of everything up to it.
///
/// The store keeps one of its own for each stream, by which [`verify`](super::EventStore::verify)
/// finds a cut tail. Who can write to the store can change that one, too; a checkpoint that is kept
/// elsewhere (it is small: `serde` writes it) and given to
/// [`verify_against`](super::EventStore::verify_against) finds that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub(super) stream: String,
    pub(super) version: u64,
    pub(super) hash: ChainHash,
    pub(super) recorded_at_us: i64,
}

impl Checkpoint {
    pub(super) fn new(stream: &TopicName, tail: &Tail) -> Self {
        Self {
            stream: stream.as_str().to_owned(),
            version: tail.version,
            hash: tail.hash,
            recorded_at_us: tail.at.as_micros(),
        }
    }

    /// The stream.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The version of the stream's last event then.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The hash of that event and all before it, 64 hex digits.
    pub fn hash(&self) -> String {
        self.hash.to_string()
    }

    /// When that event was recorded.
    pub fn recorded_at(&self) -> Timestamp {
        Timestamp::from_micros(self.recorded_at_us)
    }
}
