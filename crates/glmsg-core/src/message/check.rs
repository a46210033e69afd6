//! What is allowed in the fields of a message, for builder and decoder alike.

use crate::limits::{MAX_CORRELATION_ID, MAX_KEY, MAX_KEY_ID, MAX_PAYLOAD, MAX_RETRIES};
use crate::{Error, ErrorKind, Result};

/// Checks what types do not.
pub(crate) fn all(
    payload: &[u8],
    the_key: Option<&str>,
    correlation: Option<&str>,
    retries: u16,
    trace: Option<&str>,
) -> Result<()> {
    payload_len(payload.len())?;
    the_key.map_or(Ok(()), key)?;
    correlation.map_or(Ok(()), correlation_id)?;
    max_retries(retries)?;
    trace.map_or(Ok(()), traceparent)
}

pub(crate) fn payload_len(len: usize) -> Result<()> {
    at_most("payload", len, MAX_PAYLOAD)
}

pub(crate) fn key(key: &str) -> Result<()> {
    key_len(key.len())
}

pub(crate) fn key_len(len: usize) -> Result<()> {
    at_most("key", len, MAX_KEY)
}

pub(crate) fn correlation_id_len(len: usize) -> Result<()> {
    at_most("correlation id", len, MAX_CORRELATION_ID)
}

pub(crate) fn correlation_id(id: &str) -> Result<()> {
    correlation_id_len(id.len())?;
    if id.chars().any(char::is_control) {
        return Err(invalid("the correlation id holds control characters"));
    }
    Ok(())
}

pub(crate) fn max_retries(retries: u16) -> Result<()> {
    if retries > MAX_RETRIES {
        return Err(invalid("max_retries is over 1000"));
    }
    Ok(())
}

/// Ids of signing keys are printed and compared, so they are visible ASCII.
pub(crate) fn key_id(id: &str) -> Result<()> {
    at_most("key id", id.len(), MAX_KEY_ID)?;
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(invalid("a key id must be visible ASCII without spaces"));
    }
    Ok(())
}

/// `00-<trace id>-<span id>-<flags>`, lower-case hex, ids not all zero.
pub(crate) fn traceparent(text: &str) -> Result<()> {
    let hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let id = |part: &str, len: usize| hex(part, len) && part.bytes().any(|b| b != b'0');
    let mut parts = text.split('-');
    let four = [parts.next(), parts.next(), parts.next(), parts.next()];
    let valid = parts.next().is_none()
        && matches!(four, [Some(version), Some(trace), Some(span), Some(flags)]
            if hex(version, 2) && version != "ff" && id(trace, 32) && id(span, 16) && hex(flags, 2));
    if valid {
        return Ok(());
    }
    Err(invalid("the traceparent is not of W3C form")
        .remedy("write it like 00-<32 hex digits>-<16 hex digits>-01"))
}

fn at_most(what: &str, len: usize, limit: usize) -> Result<()> {
    if len > limit {
        let text = format!("the {what} has {len} bytes, the limit is {limit}");
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    Ok(())
}

fn invalid(why: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, why)
}
