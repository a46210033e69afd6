//! What a change may hold, checked the same by every backend.

use std::time::Duration;

use bytes::Bytes;
use glmsg_core::{Error, ErrorKind, Result};

use super::StorageKey;

/// The most records of one [`append`](super::Storage::append).
pub const MAX_APPEND: usize = 1_000;

/// The most bytes of one [`append`](super::Storage::append) of several records. One record alone
/// has the payload limit of the broker.
pub const MAX_APPEND_BYTES: usize = 16 << 20;

/// Checks the records of an append, for a broker whose payload limit is `max_payload`. For
/// backends.
///
/// # Errors
/// Those of [`append`](super::Storage::append).
pub fn check_append(log: &StorageKey, records: &[Bytes], max_payload: usize) -> Result<()> {
    if records.len() > MAX_APPEND {
        let text = format!("{} records, an append takes {MAX_APPEND}", records.len());
        return Err(Error::new(ErrorKind::InvalidArgument, text).with("log", log));
    }
    for data in records {
        check_size(data, max_payload).map_err(|e| e.with("log", log))?;
    }
    let bytes: usize = records.iter().map(Bytes::len).sum();
    if records.len() > 1 && bytes > MAX_APPEND_BYTES {
        let text = format!("{bytes} bytes, an append of several takes {MAX_APPEND_BYTES}");
        return Err(Error::new(ErrorKind::TooLarge, text).with("log", log));
    }
    Ok(())
}

/// Checks a value that is put, for a broker whose payload limit is `max_payload`. For backends.
///
/// # Errors
/// Those of [`put`](super::Storage::put).
pub fn check_put(
    key: &StorageKey,
    value: &Bytes,
    ttl: Option<Duration>,
    max_payload: usize,
) -> Result<()> {
    if ttl.is_some_and(|ttl| ttl < Duration::from_millis(1)) {
        let text = "a time to live under a millisecond";
        return Err(Error::new(ErrorKind::InvalidArgument, text).with("key", key));
    }
    check_size(value, max_payload).map_err(|e| e.with("key", key))
}

fn check_size(data: &Bytes, limit: usize) -> Result<()> {
    if data.len() <= limit {
        return Ok(());
    }
    let text = format!("{} bytes, this broker takes {limit}", data.len());
    Err(Error::new(ErrorKind::TooLarge, text))
}
