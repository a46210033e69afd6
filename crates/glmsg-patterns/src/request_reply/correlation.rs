//! What ties a reply to its request.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// 128 random bits from a generator that nobody can foresee: a reply that somebody makes up answers
/// nobody's request. Written as 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CorrelationId(u128);

impl CorrelationId {
    pub(super) fn new() -> Self {
        Self(rand::random())
    }

    pub(super) fn text(self) -> String {
        const DIGITS: [char; 16] = [
            '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
        ];
        // Without the machinery of `format!`: it is a part of every request.
        let bytes = self.0.to_be_bytes().into_iter();
        let digits = bytes.flat_map(|byte| [byte >> 4, byte & 15]);
        digits.map(|digit| DIGITS[usize::from(digit)]).collect()
    }

    /// Reads what [`text`](Self::text) has written, and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_hex) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(Self)
    }
}

/// By correlation id. The ids are as random as a hash of them could be.
pub(super) type ById<T> = HashMap<CorrelationId, T, BuildHasherDefault<AsItIs>>;

/// A number that is its own hash.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, number: u128) {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "one half of a random number"
        )]
        let half = number as u64;
        self.0 = half;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_of_128_bits_is_random() {
        let (mut ones, mut zeros) = (0, 0);
        for _ in 0..256 {
            let CorrelationId(bits) = CorrelationId::new();
            ones |= bits;
            zeros |= !bits;
        }
        // A fair bit is the same 256 times in 1 of 2^255 runs.
        assert_eq!((ones, zeros), (u128::MAX, u128::MAX));
    }

    #[test]
    fn it_is_32_hex_digits_and_nothing_else() {
        for id in [
            CorrelationId(0),
            CorrelationId(7 << 120),
            CorrelationId::new(),
        ] {
            let text = id.text();
            assert_eq!(text.len(), 32);
            assert_eq!(CorrelationId::parse(&text), Some(id));
        }
        let sign = format!("+{}", "0".repeat(31));
        let upper = "A".repeat(32);
        for other in [
            "",
            "7",
            &sign,
            &upper,
            "67e55044-10b1-426f-9247-bb680e5fe0c8",
        ] {
            assert_eq!(CorrelationId::parse(other), None, "{other}");
        }
    }
}
