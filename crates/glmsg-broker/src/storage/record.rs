//! What is read.

use bytes::Bytes;
use glmsg_core::Timestamp;

/// One record of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the log, from 1, without gaps.
    pub version: u64,
    /// When it was stored, by the clock of the store. It never goes back within a log.
    pub at: Timestamp,
    /// Its bytes, as they were appended.
    pub data: Bytes,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// One greater with every change, from 1 or more; greater than any it had before.
    pub version: u64,
    /// Its bytes, as they were put.
    pub data: Bytes,
}
