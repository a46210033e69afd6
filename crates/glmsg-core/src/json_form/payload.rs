//! How a payload stands in a JSON object.

use crate::Message;
use crate::codec::check_json;

/// How a payload stands in a JSON object on one line.
pub(crate) enum Nested<'a> {
    /// As it is: JSON without line breaks.
    Json(&'a str),
    /// As a string.
    Text(&'a str),
    /// JSON that had to lose blanks; its exact bytes must stand elsewhere.
    Minified(String),
    /// Not at all: as base64 only.
    Bytes,
}

impl<'a> Nested<'a> {
    /// The form of this message's payload; JSON only where `nest` says so.
    pub(crate) fn of(message: &'a Message, nest: bool) -> Self {
        let content_type = message.content_type();
        let payload = message.payload();
        let Ok(text) = std::str::from_utf8(payload) else {
            return Self::Bytes;
        };
        if content_type.is_json() {
            // A blank in JSON text is significant only within strings, where no line break can be.
            return match check_json(payload) {
                Ok(()) if !nest => Self::Bytes,
                Ok(()) if text.contains(['\n', '\r']) || text.trim() != text => {
                    Self::Minified(minified(text))
                }
                Ok(()) => Self::Json(text),
                Err(_) => Self::Bytes,
            };
        }
        let undeclared = content_type.essence() == "application/octet-stream";
        let plain = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
        match text {
            _ if content_type.is_text() => Self::Text(text),
            _ if undeclared && text.chars().all(plain) => Self::Text(text),
            _ => Self::Bytes,
        }
    }
}

/// Valid JSON without the blanks between its tokens.
pub(crate) fn minified(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        match c {
            ' ' | '\t' | '\n' | '\r' if !in_string => continue,
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && c == '\\' && !escaped;
        out.push(c);
    }
    out
}
