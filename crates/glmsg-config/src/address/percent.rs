//! Percent-encoding.

use std::fmt::Write;

/// Encodes all but what is plain everywhere in a URL, and what is in `also`.
pub(super) fn encode(text: &str, also: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || also.contains(c) {
            encoded.push(c);
        } else {
            // Writing to a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Undoes it, for a look at what a value says; what is no encoding stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let encoded = after.get(..2).filter(|_| *byte == b'%');
        let encoded = encoded.and_then(|digits| std::str::from_utf8(digits).ok());
        let encoded = encoded.filter(|digits| !digits.starts_with('+'));
        match encoded.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_encoded() {
        assert_eq!(encode("p@ss/w:rd", ""), "p%40ss%2Fw%3Ard");
        assert_eq!(encode("é?&=#%", ""), "%C3%A9%3F%26%3D%23%25");
        assert_eq!(encode("/srv/a b.db", "/"), "/srv/a%20b.db");
    }

    #[test]
    fn what_was_encoded_is_read_again() {
        for text in ["p@ss/w:rd", "é?&=#%", "%", "%+1", "%é"] {
            assert_eq!(decode(&encode(text, "")), text);
        }
        assert_eq!(decode("100%+1%zz%2"), "100%+1%zz%2");
    }
}
