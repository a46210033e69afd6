//! Checking MessagePack without building it.

use super::{fault, too_deep};
use crate::limits::MAX_NESTING;
use crate::{Error, ErrorKind, Result};

/// Checks that `bytes` begin with one MessagePack document, without building it, and returns its
/// length, so that a file of documents can be split: no more than [`MAX_NESTING`] levels, no
/// length that the bytes do not bear out, text in UTF-8. Takes linear time and no memory.
///
/// ```
/// use glmsg_core::codec::check_msgpack;
///
/// let two = [0x92, 1, 2, 0xC0]; // [1, 2], nil
/// assert_eq!(check_msgpack(&two)?, 3);
/// assert!(check_msgpack(&[0xDD, 0xFF, 0xFF, 0xFF, 0xFF]).is_err());
/// # Ok::<(), glmsg_core::Error>(())
/// ```
///
/// # Errors
/// `Codec` that says what is wrong and where.
pub fn check_msgpack(bytes: &[u8]) -> Result<usize> {
    // How many values each open array or map still has to come, the outermost first.
    let mut open = [0u64; MAX_NESTING];
    let mut depth = 0;
    let mut at = 0;
    loop {
        let value = read(bytes, at)?;
        at = value.end;
        if value.items > 0 {
            // Each value takes a byte at least, which unmasks a lie before it costs anything.
            if value.items > (bytes.len() - at) as u64 {
                return Err(short(at, "more values are announced than bytes are left"));
            }
            let Some(slot) = open.get_mut(depth) else {
                return Err(too_deep("MessagePack", MAX_NESTING, at));
            };
            *slot = value.items;
            depth += 1;
            continue;
        }
        if value.container && depth == MAX_NESTING {
            return Err(too_deep("MessagePack", MAX_NESTING, at));
        }
        // A value is complete, and with it perhaps what it is in.
        loop {
            let Some(slot) = depth.checked_sub(1).and_then(|d| open.get_mut(d)) else {
                return Ok(at);
            };
            *slot -= 1;
            if *slot > 0 {
                break;
            }
            depth -= 1;
        }
    }
}

struct Value {
    end: usize,
    /// How many values follow that belong to it.
    items: u64,
    container: bool,
}

/// Reads one value's head, and its content unless that is values.
fn read(bytes: &[u8], at: usize) -> Result<Value> {
    let Some(&marker) = bytes.get(at) else {
        return Err(short(at, "it ends within a document"));
    };
    let body = at + 1;
    let bits = |mask: u8| u64::from(marker & mask);
    match marker {
        0x00..=0x7F | 0xE0..=0xFF | 0xC0 | 0xC2 | 0xC3 => skip(bytes, body, 0),
        0x80..=0x8F => Ok(container(body, 2 * bits(0x0F))),
        0x90..=0x9F => Ok(container(body, bits(0x0F))),
        0xA0..=0xBF => text(bytes, body, bits(0x1F)),
        0xC1 => Err(short(at, "the byte C1 is never used")),
        0xC4..=0xC6 => {
            let (len, body) = length(bytes, body, 1 << (marker - 0xC4))?;
            skip(bytes, body, len)
        }
        0xC7..=0xC9 => {
            let (len, body) = length(bytes, body, 1 << (marker - 0xC7))?;
            skip(bytes, body, len + 1)
        }
        0xCA => skip(bytes, body, 4),
        0xCB => skip(bytes, body, 8),
        0xCC..=0xCF => skip(bytes, body, 1 << (marker - 0xCC)),
        0xD0..=0xD3 => skip(bytes, body, 1 << (marker - 0xD0)),
        0xD4..=0xD8 => skip(bytes, body, (1 << (marker - 0xD4)) + 1),
        0xD9..=0xDB => {
            let (len, body) = length(bytes, body, 1 << (marker - 0xD9))?;
            text(bytes, body, len)
        }
        0xDC | 0xDD => {
            let (len, body) = length(bytes, body, 2 << (marker - 0xDC))?;
            Ok(container(body, len))
        }
        0xDE | 0xDF => {
            let (len, body) = length(bytes, body, 2 << (marker - 0xDE))?;
            Ok(container(body, 2 * len))
        }
    }
}

fn container(end: usize, items: u64) -> Value {
    Value {
        end,
        items,
        container: true,
    }
}

/// A big-endian length of `width` bytes, and where what it measures begins.
fn length(bytes: &[u8], at: usize, width: usize) -> Result<(u64, usize)> {
    let Some(raw) = bytes.get(at..at + width) else {
        return Err(short(at, "it ends within a length"));
    };
    let len = raw.iter().fold(0, |len, b| len << 8 | u64::from(*b));
    Ok((len, at + width))
}

fn skip(bytes: &[u8], at: usize, len: u64) -> Result<Value> {
    let left = bytes.len() - at;
    match usize::try_from(len) {
        Ok(len) if len <= left => Ok(Value {
            end: at + len,
            items: 0,
            container: false,
        }),
        _ => {
            let why = format!("the length says {len} bytes, {left} are left");
            Err(short(at, &why))
        }
    }
}

fn text(bytes: &[u8], at: usize, len: u64) -> Result<Value> {
    let value = skip(bytes, at, len)?;
    match std::str::from_utf8(&bytes[at..value.end]) {
        Ok(_) => Ok(value),
        Err(e) => Err(fault("check", "not valid MessagePack", &e).with("offset", at)),
    }
}

#[cold]
fn short(at: usize, why: &str) -> Error {
    Error::new(ErrorKind::Codec, format!("not valid MessagePack: {why}")).with("offset", at)
}
