//! The encoding of an attempt history.

use crate::history::clean_error_text;
use crate::limits::{MAX_ERROR_TEXT, MAX_HISTORY};
use crate::{Attempt, AttemptOutcome, Error, ErrorKind, History, Result, Timestamp};

/// The version of the history encoding.
const VERSION: u8 = 1;
/// Number, time, outcome and the length of the text.
const ATTEMPT_HEAD: usize = 4 + 8 + 1 + 2;

/// Encodes a history: at most about 10 KiB.
pub fn encode_history(history: &History) -> Vec<u8> {
    let attempts = history.attempts();
    let text: usize = attempts.iter().map(|a| a.error.len()).sum();
    let mut out = Vec::with_capacity(2 + attempts.len() * ATTEMPT_HEAD + text);
    out.push(VERSION);
    out.push(u8::try_from(attempts.len()).unwrap_or(u8::MAX));
    for attempt in attempts {
        // The fields are public, so the text may not have gone through `Attempt::new`.
        let clean = clean_error_text(&attempt.error);
        out.extend_from_slice(&attempt.number.to_be_bytes());
        out.extend_from_slice(&attempt.at.as_micros().to_be_bytes());
        out.push(attempt.outcome as u8);
        out.extend_from_slice(&u16::try_from(clean.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(clean.as_bytes());
    }
    out
}

/// Decodes a history. No bytes at all are the empty history, so that an empty column needs no
/// value.
///
/// # Errors
/// `Codec` for anything that [`encode_history`] does not write: another version, more than ten
/// attempts, an unknown outcome, a text over 1 KiB or with control characters, missing or trailing
/// bytes.
pub fn decode_history(bytes: &[u8]) -> Result<History> {
    let mut history = History::new();
    let (version, count, mut rest) = match bytes {
        [] => return Ok(history),
        [version, count, rest @ ..] => (*version, usize::from(*count), rest),
        [_] => return Err(wrong(bytes, &[], "it ends within its head")),
    };
    if version != VERSION {
        return Err(Error::new(
            ErrorKind::Codec,
            format!("the history has version {version}, this build reads version {VERSION}"),
        ));
    }
    if count > MAX_HISTORY {
        return Err(wrong(bytes, rest, "it counts more than 10 attempts"));
    }
    for _ in 0..count {
        let Some((&head, tail)) = rest.split_first_chunk::<ATTEMPT_HEAD>() else {
            return Err(wrong(bytes, rest, "it ends within an attempt"));
        };
        let [n0, n1, n2, n3, t @ .., outcome, l0, l1] = head;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let Some(outcome) = AttemptOutcome::ALL.get(usize::from(outcome)) else {
            return Err(wrong(bytes, rest, "an outcome is unknown"));
        };
        let text = tail.get(..len).filter(|_| len <= MAX_ERROR_TEXT);
        let text = text.and_then(|t| std::str::from_utf8(t).ok());
        let Some(text) = text.filter(|t| !t.chars().any(char::is_control)) else {
            return Err(wrong(bytes, tail, "an error text is not acceptable"));
        };
        history.push(Attempt {
            number: u32::from_be_bytes([n0, n1, n2, n3]),
            at: Timestamp::from_micros(i64::from_be_bytes(t)),
            outcome: *outcome,
            error: text.into(),
        });
        rest = &tail[len..];
    }
    if rest.is_empty() {
        Ok(history)
    } else {
        Err(wrong(bytes, rest, "bytes follow the last attempt"))
    }
}

#[cold]
fn wrong(bytes: &[u8], rest: &[u8], why: &str) -> Error {
    Error::new(
        ErrorKind::Codec,
        format!("not a valid attempt history: {why}"),
    )
    .with("offset", bytes.len() - rest.len())
}
