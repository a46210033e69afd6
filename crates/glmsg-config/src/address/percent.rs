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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_encoded() {
        assert_eq!(encode("p@ss/w:rd", ""), "p%40ss%2Fw%3Ard");
        assert_eq!(encode("é?&=#%", ""), "%C3%A9%3F%26%3D%23%25");
        assert_eq!(encode("/srv/a b.db", "/"), "/srv/a%20b.db");
    }
}
