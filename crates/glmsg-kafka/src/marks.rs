//! What a group keeps beside its offset in a partition: which of the messages behind it are done,
//! and how often the others were delivered.
//!
//! Kafka commits one offset for a partition. With it goes a text of at most 4 KiB, which tells of
//! the messages from that offset on, in runs: a number, and a letter for what they are. `z` is
//! done; `a` is not delivered, `b` was delivered once, and so on up to `y`. Capital letters are
//! the same of messages that wait: for a retry, or for their key's turn. A `~` at the end seals it:
//! but for what it tells of, nothing behind the offset was ever handed out.

use std::collections::BTreeMap;

/// The most bytes of a text.
const LONGEST: usize = 4000;
const HEAD: &str = "gm1:";
const SEAL: char = '~';

/// The text of a partition that nothing was handed out of.
pub(crate) const UNTOUCHED: &str = "gm1:~";

/// What a message behind the committed offset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Done,
    /// Not done, and delivered so many times.
    Delivered(u32),
    /// The same, and it waits for something.
    Waiting(u32),
}

impl Mark {
    fn letter(self) -> u8 {
        match self {
            Self::Done => b'z',
            // Capped: a message that may be tried so often is near its end anyway.
            Self::Delivered(times) => b'a' + u8::try_from(times.min(24)).unwrap_or(24),
            Self::Waiting(times) => b'A' + u8::try_from(times.min(24)).unwrap_or(24),
        }
    }

    fn read(letter: u8) -> Option<Self> {
        match letter {
            b'z' => Some(Self::Done),
            b'a'..=b'y' => Some(Self::Delivered(u32::from(letter - b'a'))),
            b'A'..=b'Y' => Some(Self::Waiting(u32::from(letter - b'A'))),
            _ => None,
        }
    }
}

/// Writes the marks of messages that follow one another, from the committed offset on. Those that
/// do not fit are left out: they come again. A text that does not hold all is not sealed.
pub(crate) fn write(marks: impl Iterator<Item = Mark>, seal: bool) -> String {
    let mut text = String::from(HEAD);
    let (mut run, mut before) = (0_u32, None);
    let (mut end, mut is_whole) = (text.len(), true);
    for mark in marks.map(Some).chain([None]) {
        if mark == before {
            run += 1;
            continue;
        }
        if let Some(before) = before {
            if run > 1 {
                text.push_str(&run.to_string());
            }
            text.push(char::from(before.letter()));
            if text.len() > LONGEST {
                is_whole = false;
                break;
            }
            // What was not delivered need not be told at the end.
            if before != Mark::Delivered(0) {
                end = text.len();
            }
        }
        (run, before) = (1, mark);
    }
    text.truncate(end);
    if seal && is_whole {
        text.push(SEAL);
    }
    if text == HEAD { String::new() } else { text }
}

/// Whether nothing was handed out but what the text tells of.
pub(crate) fn is_sealed(text: &str) -> bool {
    text.starts_with(HEAD) && text.ends_with(SEAL)
}

/// Reads the marks that were committed with `offset`. What cannot be read tells nothing.
pub(crate) fn read(offset: i64, text: &str) -> BTreeMap<i64, Mark> {
    let mut marks = BTreeMap::new();
    let Some(text) = text.strip_prefix(HEAD) else {
        return marks;
    };
    let (mut at, mut run) = (offset, None::<i64>);
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            let digit = i64::from(byte - b'0');
            run = Some(run.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            continue;
        }
        let Some(mark) = Mark::read(byte) else { break };
        // Nobody writes so many: it is not ours.
        let Some(count) = Some(run.take().unwrap_or(1)).filter(|n| *n <= 1 << 20) else {
            break;
        };
        if mark != Mark::Delivered(0) {
            marks.extend((at..at.saturating_add(count)).map(|offset| (offset, mark)));
        }
        at = at.saturating_add(count);
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mark::{Delivered, Done, Waiting};

    fn there_and_back(marks: &[Mark]) {
        let text = write(marks.iter().copied(), false);
        assert!(!is_sealed(&text));
        let read = read(100, &text);
        let sealed = write(marks.iter().copied(), true);
        assert!(is_sealed(&sealed));
        assert_eq!(super::read(100, &sealed), read);
        let told = (100..).zip(marks).filter(|(_, m)| **m != Delivered(0));
        let told: BTreeMap<i64, Mark> = told.map(|(at, mark)| (at, *mark)).collect();
        assert_eq!(read, told);
    }

    #[test]
    fn marks_are_read_back() {
        there_and_back(&[]);
        there_and_back(&[Delivered(0), Delivered(0)]);
        there_and_back(&[Delivered(1)]);
        there_and_back(&[Delivered(1), Done, Done, Delivered(3), Delivered(0), Done]);
        there_and_back(&[Waiting(0), Waiting(2), Delivered(2)]);
        there_and_back(&vec![Done; 5000]);
        let mixed: Vec<Mark> = (0..1500)
            .map(|n| if n % 2 == 0 { Done } else { Delivered(n % 20) })
            .collect();
        there_and_back(&mixed);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let marks: Vec<Mark> = (0..9000_u32).map(|n| Delivered(n % 2 + 1)).collect();
        let text = write(marks.iter().copied(), true);
        assert!(text.len() <= LONGEST + 8, "{}", text.len());
        assert!(!is_sealed(&text));
        let read = read(0, &text);
        assert!(read.len() > 3900);
        assert!(
            read.iter()
                .all(|(at, mark)| marks[usize::try_from(*at).unwrap()] == *mark)
        );
    }

    #[test]
    fn what_others_wrote_tells_nothing() {
        for text in [
            "",
            "b",
            "NONE",
            "gm1:",
            "gm1:99999999999999999999b",
            "gm2:b",
        ] {
            assert!(read(0, text).is_empty(), "{text}");
            assert!(!is_sealed(text), "{text}");
        }
        assert!(is_sealed(UNTOUCHED));
        assert!(read(0, UNTOUCHED).is_empty());
        assert!(!is_sealed("NONE~"));
        assert_eq!(read(0, "gm1:b{c").len(), 1);
    }
}
