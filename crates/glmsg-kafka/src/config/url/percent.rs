//! Percent-encoding.

use glmsg_core::Result;

use super::wrong;

/// Undoes percent-encoding. Errors do not repeat the text, which may be a password.
pub(super) fn decode_text(text: &str) -> Result<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match (hex(rest.next()), hex(rest.next())) {
            (Some(high), Some(low)) => out.extend(u8::try_from(high * 16 + low)),
            _ => {
                return Err(wrong("a % in the URL is not followed by two hex digits")
                    .remedy("write a % itself as %25"));
            }
        }
    }
    String::from_utf8(out).map_err(|_| wrong("an encoded part of the URL is not UTF-8"))
}
