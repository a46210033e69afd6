//! What patterns keep in a broker: logs that only grow, and values that change by
//! compare-and-swap.

mod boxed;
mod change;
mod key;
mod limits;
mod none;
mod record;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use glmsg_core::Result;

pub use boxed::BoxStorage;
pub use change::{Change, Expected};
pub use key::{KeyPrefix, StorageKey};
pub use limits::{MAX_APPEND, MAX_APPEND_BYTES, check_append, check_put};
pub use none::NoStorage;
pub use record::{Record, Value};

/// A small store beside the topics, of the same server or file and at the same durability: what
/// sagas, event stores and inboxes keep their state in.
///
/// It has two kinds of things, each under [keys](StorageKey) of its own:
/// - **Logs** only grow. A record has a version, from 1, without gaps. Nothing trims a log; it is
///   removed as a whole or not at all.
/// - **Values** are replaced as a whole. Each change makes the version one greater; a value that is
///   not there has version 0. One made anew, after it was removed or has expired, begins above
///   every version it had before (not always right above).
///
/// A change names the version it [expects](Expected) to find. That is compare-and-swap, and it is
/// fencing: who has fallen behind another finds a [`Conflict`](Change::Conflict) and has changed
/// nothing. For a value this holds across its removal and expiry too, so that who held a value that
/// has expired cannot change what another made since. A log made anew begins at 1 again: do not
/// remove one that somebody may still append to.
///
/// All methods may be called at the same time from many tasks and processes.
///
/// # Cancel safety
/// A call that is dropped may have been carried out or not; nothing is ever done by half.
///
/// # Errors of every method
/// `Closed` after the broker is closed; `Unavailable`, `PermissionDenied` and others of the
/// connection. `Indeterminate` if a change may have been made: read before you try again. An
/// implementation that sends a change again by itself finds its own change and does not answer
/// `Conflict` to it.
pub trait Storage: Send + Sync + 'static {
    /// Appends to a log, all of the records or none. An empty slice appends nothing, and tells
    /// whether the log is as expected.
    ///
    /// # Behavior
    /// - `Made` means stored at the declared durability. Its version is that of the last record.
    /// - Of several callers that expect the same version exactly one succeeds.
    ///
    /// # Errors
    /// `InvalidArgument` for more than [`MAX_APPEND`] records; `TooLarge` for a record above the
    /// payload limit of the broker, or several that together are above [`MAX_APPEND_BYTES`]; `Full`
    /// where there is no room.
    fn append(
        &self,
        log: &StorageKey,
        expected: Expected,
        records: &[Bytes],
    ) -> impl Future<Output = Result<Change>> + Send;

    /// The records after version `after`, in order, at most `max`; fewer where they are large. An
    /// empty answer is the end for now. A log that does not exist has no records.
    fn read(
        &self,
        log: &StorageKey,
        after: u64,
        max: usize,
    ) -> impl Future<Output = Result<Vec<Record>>> + Send;

    /// The version of the log's last record, 0 without one.
    fn version(&self, log: &StorageKey) -> impl Future<Output = Result<u64>> + Send;

    /// Waits until the log has a record after version `after`, or the time has passed; returns its
    /// version then. It may return early.
    fn wait(
        &self,
        log: &StorageKey,
        after: u64,
        timeout: Duration,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Removes a log with all its records. `Made` has version 0. It must be as expected; a log
    /// that does not exist is at version 0.
    fn remove_log(
        &self,
        log: &StorageKey,
        expected: Expected,
    ) -> impl Future<Output = Result<Change>> + Send;

    /// The keys of logs that begin with `prefix`, in the order of their bytes, after `after`, at
    /// most `max`. An empty answer is the end. A log that is made or removed meanwhile may be
    /// missing or not.
    fn logs(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> impl Future<Output = Result<Vec<StorageKey>>> + Send;

    /// A value, unless it is not there or has expired.
    fn get(&self, key: &StorageKey) -> impl Future<Output = Result<Option<Value>>> + Send;

    /// Makes or replaces a value. With `ttl` it is gone that long after, by the clock of the
    /// store; without, it stays.
    ///
    /// # Behavior
    /// - Of several callers that expect the same version exactly one succeeds.
    ///
    /// # Errors
    /// `TooLarge` above the payload limit of the broker, `Full` where there is no room,
    /// `InvalidArgument` for a `ttl` under a millisecond.
    fn put(
        &self,
        key: &StorageKey,
        value: &Bytes,
        expected: Expected,
        ttl: Option<Duration>,
    ) -> impl Future<Output = Result<Change>> + Send;

    /// Removes a value. `Made` has version 0, also where there was none and none was expected.
    fn remove(
        &self,
        key: &StorageKey,
        expected: Expected,
    ) -> impl Future<Output = Result<Change>> + Send;

    /// The keys of values that begin with `prefix`, as [`logs`](Self::logs).
    fn keys(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> impl Future<Output = Result<Vec<StorageKey>>> + Send;
}
