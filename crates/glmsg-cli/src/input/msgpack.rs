//! MessagePack values, one after the other. Only their heads are read, to find where a value ends;
//! nesting is bounded here, because a value that nests without end has none.

use std::io::{self, Read};

use glmsg::limits::MAX_NESTING;

use super::{BadPiece, Piece, Pieces, Source, peek, too_long};

pub(super) struct MsgPack {
    source: Source,
    number: u64,
}

/// What a value's first byte says.
enum Head {
    /// This many bytes follow.
    Bytes(u64),
    /// A length of this many bytes follows, and then as many bytes and these more.
    Sized { width: usize, more: u64 },
    /// This many values follow.
    Values(u64),
    /// A count of this many bytes follows, and then as many values times this.
    Counted { width: usize, times: u64 },
    /// No value begins like this.
    Never,
}

fn head(byte: u8) -> Head {
    match byte {
        0x00..=0x7F | 0xE0..=0xFF | 0xC0 | 0xC2 | 0xC3 => Head::Bytes(0),
        0x80..=0x8F => Head::Values(u64::from(byte & 0x0F) * 2),
        0x90..=0x9F => Head::Values(u64::from(byte & 0x0F)),
        0xA0..=0xBF => Head::Bytes(u64::from(byte & 0x1F)),
        0xC1 => Head::Never,
        0xC4 | 0xD9 => Head::Sized { width: 1, more: 0 },
        0xC5 | 0xDA => Head::Sized { width: 2, more: 0 },
        0xC6 | 0xDB => Head::Sized { width: 4, more: 0 },
        // An extension has one byte for its type besides.
        0xC7 => Head::Sized { width: 1, more: 1 },
        0xC8 => Head::Sized { width: 2, more: 1 },
        0xC9 => Head::Sized { width: 4, more: 1 },
        0xCC | 0xD0 => Head::Bytes(1),
        0xCD | 0xD1 | 0xD4 => Head::Bytes(2),
        0xD5 => Head::Bytes(3),
        0xCA | 0xCE | 0xD2 => Head::Bytes(4),
        0xD6 => Head::Bytes(5),
        0xCB | 0xCF | 0xD3 => Head::Bytes(8),
        0xD7 => Head::Bytes(9),
        0xD8 => Head::Bytes(17),
        0xDC => Head::Counted { width: 2, times: 1 },
        0xDD => Head::Counted { width: 4, times: 1 },
        0xDE => Head::Counted { width: 2, times: 2 },
        0xDF => Head::Counted { width: 4, times: 2 },
    }
}

impl MsgPack {
    pub(super) fn new(source: Source) -> Self {
        Self { source, number: 0 }
    }

    /// Takes `count` bytes over into the value.
    fn bytes(&mut self, value: &mut Vec<u8>, count: u64, limit: usize) -> Result<(), String> {
        let room = u64::try_from(limit - value.len()).unwrap_or(u64::MAX);
        if count > room {
            return Err(too_long(limit));
        }
        // `take` reads what is there, so a length that lies costs no memory.
        let read = (&mut self.source)
            .take(count)
            .read_to_end(value)
            .map_err(|e| format!("cannot be read: {e}"))?;
        if u64::try_from(read) == Ok(count) {
            Ok(())
        } else {
            Err("the input ends inside it".to_owned())
        }
    }

    /// A length or count of `width` bytes.
    fn number(&mut self, value: &mut Vec<u8>, width: usize, limit: usize) -> Result<u64, String> {
        let at = value.len();
        self.bytes(value, width as u64, limit)?;
        let digits = value[at..].iter();
        Ok(digits.fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    fn value(&mut self, limit: usize) -> Result<Vec<u8>, String> {
        let mut value = Vec::new();
        // How many values are still to come, at each level.
        let mut open = vec![1_u64];
        while let Some(left) = open.last_mut() {
            if *left == 0 {
                open.pop();
                continue;
            }
            *left -= 1;
            let at = value.len();
            self.bytes(&mut value, 1, limit)?;
            let nested = match head(value[at]) {
                Head::Bytes(count) => {
                    self.bytes(&mut value, count, limit)?;
                    continue;
                }
                Head::Sized { width, more } => {
                    let count = self.number(&mut value, width, limit)? + more;
                    self.bytes(&mut value, count, limit)?;
                    continue;
                }
                Head::Values(count) => count,
                Head::Counted { width, times } => self.number(&mut value, width, limit)? * times,
                Head::Never => {
                    return Err("not MessagePack: the byte c1 begins no value".to_owned());
                }
            };
            if open.len() > MAX_NESTING {
                return Err(format!(
                    "the MessagePack nests deeper than {MAX_NESTING} levels"
                ));
            }
            open.push(nested);
        }
        Ok(value)
    }
}

impl Pieces for MsgPack {
    fn next(&mut self, limit: usize) -> Result<Option<Piece>, BadPiece> {
        let number = self.number + 1;
        let first = peek(&mut self.source);
        if first
            .map_err(|e: io::Error| BadPiece::unreadable(number, &e))?
            .is_none()
        {
            return Ok(None);
        }
        self.number = number;
        // Where a broken value ends, and the next one begins, nobody can tell.
        let bytes = self
            .value(limit)
            .map_err(|why| BadPiece::fatal(number, why))?;
        Ok(Some(Piece { number, bytes }))
    }
}
