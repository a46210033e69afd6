//! Where an entry stands.

use std::fmt;

use crate::digits::Digits;

/// An entry's id in a stream: the milliseconds when it was stored, and its number among those of
/// the same millisecond. Ids order all messages of a topic, across its lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryId {
    pub(crate) millis: u64,
    pub(crate) number: u64,
}

impl EntryId {
    pub(crate) const ZERO: Self = Self {
        millis: 0,
        number: 0,
    };

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::read(text.as_bytes())
    }

    /// Reads an id as the server writes it.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let dash = text.iter().position(|byte| *byte == b'-')?;
        let (millis, number) = text.split_at(dash);
        Some(Self {
            millis: decimal(millis)?,
            number: decimal(&number[1..])?,
        })
    }

    /// The id as the server writes it, without an allocation.
    pub(crate) fn text(self) -> EntryText {
        let mut text = EntryText {
            bytes: [b'-'; 41],
            len: 0,
        };
        text.put(Digits::of(self.millis).as_bytes());
        text.len += 1;
        text.put(Digits::of(self.number).as_bytes());
        text
    }

    /// The id right before this one.
    pub(crate) fn before(self) -> Self {
        match (self.millis, self.number) {
            (0, 0) => self,
            (millis, 0) => Self {
                millis: millis - 1,
                number: u64::MAX,
            },
            (millis, number) => Self {
                millis,
                number: number - 1,
            },
        }
    }
}

/// An id as text: two numbers of twenty digits at most, and a dash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryText {
    bytes: [u8; 41],
    len: usize,
}

impl EntryText {
    fn put(&mut self, digits: &[u8]) {
        self.bytes[self.len..][..digits.len()].copy_from_slice(digits);
        self.len += digits.len();
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_written() {
        let id = EntryId::parse("1700000000000-7").expect("an id");
        assert_eq!(id.to_string(), "1700000000000-7");
        assert_eq!(id.before().to_string(), "1700000000000-6");
        let first = EntryId::parse("5-0").expect("an id");
        assert_eq!(first.before().to_string(), format!("4-{}", u64::MAX));
        let last = EntryId {
            millis: u64::MAX,
            number: u64::MAX,
        };
        for id in [id, first, EntryId::ZERO, last] {
            assert_eq!(id.text().as_bytes(), id.to_string().as_bytes());
        }
        for wrong in ["", "5", "5-", "-5", "5-x", "+5-1", "5-18446744073709551616"] {
            assert_eq!(EntryId::parse(wrong), None, "{wrong}");
        }
    }
}
