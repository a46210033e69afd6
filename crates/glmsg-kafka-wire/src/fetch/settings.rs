//! How partitions are read.

use std::time::Duration;

/// How partitions are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchSettings {
    /// How long a broker may wait for something to come.
    pub max_wait: Duration,
    /// How many bytes it waits for.
    pub min_bytes: usize,
    /// How many bytes an answer may have. The first batch comes whole, whatever its size.
    pub max_bytes: usize,
    /// How many of them may be of one partition.
    pub max_partition_bytes: usize,
    /// Records of transactions are read when those are committed, and not if they are aborted.
    /// Otherwise all are read at once.
    pub read_committed: bool,
    /// How many bytes may be read and not taken yet. While there are more, nothing is asked for.
    /// What was asked for before comes on top, and what is kept for partitions that are paused.
    pub buffer: usize,
    /// How many bytes a batch may have once it is decompressed.
    pub max_inflated: usize,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            max_wait: Duration::from_millis(100),
            min_bytes: 1,
            max_bytes: 50 << 20,
            max_partition_bytes: 1 << 20,
            read_committed: true,
            buffer: 16 << 20,
            max_inflated: 128 << 20,
        }
    }
}

impl FetchSettings {
    /// The wait, as a request says it.
    pub(super) fn max_wait_ms(&self) -> i32 {
        i32::try_from(self.max_wait.as_millis()).unwrap_or(i32::MAX)
    }
}

/// A number of bytes, as a request says it: at least one.
pub(super) fn bytes(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX).max(1)
}
