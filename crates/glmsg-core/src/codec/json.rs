//! JSON payloads.

use bytes::Bytes;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{Codec, fault, too_deep};
use crate::limits::MAX_NESTING;
use crate::{ContentType, MessageBuilder, Result};

/// JSON, by serde_json. A float that is not finite becomes `null`, as everywhere in serde_json;
/// decoding that `null` as a float then fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Json;

impl Codec for Json {
    fn name(&self) -> &'static str {
        "JSON"
    }

    fn content_type(&self) -> ContentType {
        ContentType::JSON
    }

    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Bytes> {
        let bytes = serde_json::to_vec(value)
            .map_err(|e| fault("encode", "the value cannot be JSON", &e))?;
        // What no reader would take is refused where it is made.
        check_nesting(&bytes, MAX_NESTING).map_err(|e| e.operation("encode"))?;
        Ok(bytes.into())
    }

    fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T> {
        check_nesting(bytes, MAX_NESTING).map_err(|e| e.operation("decode"))?;
        serde_json::from_slice(bytes)
            .map_err(|e| fault("decode", "the payload is not the JSON expected", &e))
    }
}

impl MessageBuilder {
    /// `value` as JSON for the payload, with its content type.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.encode_with(&Json, value)
    }
}

/// Checks that `bytes` are one JSON document, without building it: valid UTF-8, valid grammar, no
/// more than [`MAX_NESTING`] levels, whatever the input. Takes linear time and no memory.
///
/// ```
/// assert!(glmsg_core::codec::check_json(br#"{"a": [1, 2]}"#).is_ok());
/// assert!(glmsg_core::codec::check_json("[".repeat(200_000).as_bytes()).is_err());
/// ```
///
/// # Errors
/// `Codec` that says what is wrong and where.
pub fn check_json(bytes: &[u8]) -> Result<()> {
    check_json_nested(bytes, MAX_NESTING).map(drop)
}

/// As [`check_json`], with another bound on nesting; returns the document as text.
pub(crate) fn check_json_nested(bytes: &[u8], levels: usize) -> Result<&str> {
    check_nesting(bytes, levels)?;
    let text = std::str::from_utf8(bytes).map_err(|e| fault("check", "not valid JSON", &e))?;
    let _: IgnoredAny =
        serde_json::from_str(text).map_err(|e| fault("check", "not valid JSON", &e))?;
    Ok(text)
}

/// Counts brackets outside of strings. What is no JSON at all may pass: the parser refuses that,
/// and by then it is known that it need not go deep.
fn check_nesting(bytes: &[u8], levels: usize) -> Result<()> {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > levels {
                    return Err(too_deep("JSON", levels, at));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => at = string_end(bytes, at + 1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// Where the string that begins at `at` has its closing quote, or the end of the input.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            Some(b'"') | None => return at,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}
