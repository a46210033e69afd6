//! Reading the server's answers where they stand, without a copy of each.
//!
//! redis-rs makes a tree of values, with an allocation for each text in it. On the ways that carry
//! messages that costs more than the rest of the client together.

use bytes::Bytes;
use glmsg_core::Result;
use redis::Value;

use crate::error::{not_redis, surprise};
use crate::place::EntryId;

/// The longest head of an answer, but for those that are text themselves.
const LONGEST_HEAD: usize = 32;
/// The longest refusal or status. Beyond it what answers is no Redis.
const LONGEST_LINE: usize = 64 << 10;
/// For how many heads room is made at once, at most.
const MOST_USUAL: usize = 1024;

/// The beginning of an answer, and where its text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    Text {
        from: usize,
        to: usize,
    },
    Status {
        from: usize,
        to: usize,
    },
    Refusal {
        from: usize,
        to: usize,
    },
    Number(i64),
    Nothing,
    /// So many answers follow that belong to it.
    List(usize),
}

/// Finds the heads in what has come so far.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    heads: Vec<Head>,
    at: usize,
    /// How many answers are still to come, those inside of lists included.
    awaited: usize,
    /// How many bytes the answer that has begun needs.
    wanted: usize,
    /// How many heads were taken of late: the next may be as many.
    usual: usize,
}

impl Scanner {
    /// Awaits so many answers.
    pub(super) fn expect(&mut self, answers: usize) {
        self.awaited += answers;
    }

    /// Goes on with all bytes since the last [`take`](Self::take). Returns whether all answers
    /// are there.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<bool> {
        while self.awaited > 0 {
            let Some((head, end)) = read_head(bytes, self.at)? else {
                return Ok(false);
            };
            let next = match head {
                Head::Text { to, .. } => to + 2,
                _ => end,
            };
            if next > bytes.len() {
                self.wanted = next - bytes.len();
                return Ok(false);
            }
            if let Head::List(len) = head {
                self.awaited = self.awaited.saturating_add(len);
            }
            if self.heads.capacity() == 0 {
                self.heads.reserve(self.usual.min(MOST_USUAL));
            }
            self.heads.push(head);
            self.awaited -= 1;
            self.at = next;
            self.wanted = 0;
        }
        Ok(true)
    }

    /// How many bytes are missing at least.
    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// The heads found, and how many bytes they and their texts take.
    pub(super) fn take(&mut self) -> (Vec<Head>, usize) {
        if !self.heads.is_empty() {
            // Answers to acks come in turn with those to reads.
            self.usual = self.heads.len().max(self.usual / 2);
        }
        let at = std::mem::take(&mut self.at);
        (std::mem::take(&mut self.heads), at)
    }
}

/// The head at `at` and where it ends; `None` if it is not all there.
fn read_head(bytes: &[u8], at: usize) -> Result<Option<(Head, usize)>> {
    let Some(kind) = bytes.get(at) else {
        return Ok(None);
    };
    let from = at + 1;
    let longest = match kind {
        b'+' | b'-' => LONGEST_LINE,
        b'$' | b'*' | b':' => LONGEST_HEAD,
        _ => return Err(not_redis()),
    };
    let line = &bytes[from..bytes.len().min(from + longest)];
    let Some(len) = line.iter().position(|byte| *byte == b'\r') else {
        return if line.len() == longest {
            Err(not_redis())
        } else {
            Ok(None)
        };
    };
    let (to, end) = (from + len, from + len + 2);
    let number = || decimal(&bytes[from..to]).ok_or_else(not_redis);
    let head = match kind {
        b'+' => Head::Status { from, to },
        b'-' => Head::Refusal { from, to },
        b':' => Head::Number(number()?),
        kind => match (kind, usize::try_from(number()?)) {
            (_, Err(_)) => Head::Nothing,
            (b'$', Ok(len)) => Head::Text {
                from: end,
                to: end.checked_add(len).ok_or_else(not_redis)?,
            },
            (_, Ok(len)) => Head::List(len),
        },
    };
    Ok(Some((head, end)))
}

fn decimal(digits: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match digits {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut number = 0_i64;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number = number * 10 + i64::from(digit);
    }
    Some(if is_negative { -number } else { number })
}

/// Answers as they came, to be read one by one.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    bytes: Bytes,
    heads: Vec<Head>,
    next: usize,
}

impl Answers {
    pub(super) fn new(bytes: Bytes, heads: Vec<Head>) -> Self {
        Self {
            bytes,
            heads,
            next: 0,
        }
    }

    /// Without the first, the third, the fifth, … answer.
    pub(super) fn every_second(self) -> Self {
        let (mut heads, mut left, mut is_kept) = (Vec::new(), 0_usize, true);
        for head in self.heads {
            if left == 0 {
                (is_kept, left) = (!is_kept, 1);
            }
            if let Head::List(len) = head {
                left += len;
            }
            left -= 1;
            if is_kept {
                heads.push(head);
            }
        }
        Self::new(self.bytes, heads)
    }

    /// The next head.
    pub(crate) fn head(&mut self) -> Result<Head> {
        let head = self.heads.get(self.next);
        self.next += 1;
        head.copied().ok_or_else(|| surprise("a longer list"))
    }

    /// The next head, which stays the next.
    pub(crate) fn peek(&self) -> Option<Head> {
        self.heads.get(self.next).copied()
    }

    /// How many answers the next list has; an empty answer is an empty list.
    pub(crate) fn list(&mut self) -> Result<usize> {
        match self.head()? {
            Head::List(len) => Ok(len),
            Head::Nothing => Ok(0),
            _ => Err(surprise("a list")),
        }
    }

    /// The next text. It shares its memory with all that came with it.
    pub(crate) fn text(&mut self) -> Result<Bytes> {
        match self.head()? {
            Head::Text { from, to } | Head::Status { from, to } => Ok(self.bytes.slice(from..to)),
            _ => Err(surprise("text")),
        }
    }

    /// The next text, to be looked at.
    pub(crate) fn word(&mut self) -> Result<&[u8]> {
        match self.head()? {
            Head::Text { from, to } | Head::Status { from, to } => Ok(&self.bytes[from..to]),
            _ => Err(surprise("text")),
        }
    }

    /// The next text as the id of an entry.
    pub(crate) fn entry_id(&mut self) -> Result<EntryId> {
        let id = EntryId::read(self.word()?);
        id.ok_or_else(|| surprise("the id of an entry"))
    }

    /// The next answer as redis-rs has it.
    pub(crate) fn value(&mut self) -> Result<Value> {
        Ok(match self.head()? {
            Head::Number(number) => Value::Int(number),
            Head::Nothing => Value::Nil,
            Head::Text { from, to } => Value::BulkString(self.bytes[from..to].to_vec()),
            Head::Status { from, to } | Head::Refusal { from, to } => {
                // Seldom, and theirs to understand.
                let line = self.bytes.slice(from - 1..to + 2);
                redis::parse_redis_value(&line).map_err(|_| surprise("a line"))?
            }
            Head::List(len) => {
                let mut items = Vec::new();
                for _ in 0..len {
                    items.push(self.value()?);
                }
                Value::Array(items)
            }
        })
    }

    /// All that are left, as redis-rs has them.
    pub(crate) fn values(&mut self) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        while self.peek().is_some() {
            values.push(self.value()?);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &[u8] = b"$3\r\n5-1\r\n:-42\r\n$-1\r\n*-1\r\n-MOVED 7 h:1\r\n+OK\r\n\
        *2\r\n*1\r\n$0\r\n\r\n$2\r\n\r\n\r\n";

    fn scan(pieces: &[&[u8]], answers: usize) -> Answers {
        let (mut scanner, mut bytes) = (Scanner::default(), Vec::new());
        scanner.expect(answers);
        for (n, piece) in pieces.iter().enumerate() {
            bytes.extend_from_slice(piece);
            let done = scanner.advance(&bytes).unwrap();
            assert_eq!(done, n + 1 == pieces.len(), "after piece {n}");
        }
        let (heads, at) = scanner.take();
        assert_eq!(at, bytes.len());
        Answers::new(bytes.into(), heads)
    }

    #[test]
    fn answers_are_read_wherever_they_were_cut() {
        let whole = scan(&[LINES], 7).values().unwrap();
        assert_eq!(whole[1], Value::Int(-42));
        assert!(matches!(&whole[4], Value::ServerError(e) if e.code() == "MOVED"));
        assert_eq!(
            whole[6],
            Value::Array(vec![
                Value::Array(vec![Value::BulkString(Vec::new())]),
                Value::BulkString(b"\r\n".to_vec())
            ])
        );
        for cut in 1..LINES.len() {
            let (start, end) = LINES.split_at(cut);
            assert_eq!(scan(&[start, end], 7).values().unwrap(), whole, "{cut}");
        }
        let bytes: Vec<&[u8]> = LINES.chunks(1).collect();
        assert_eq!(scan(&bytes, 7).values().unwrap(), whole);
    }

    #[test]
    fn parts_are_taken_as_what_they_are() {
        let mut answers = scan(&[LINES], 7);
        assert_eq!(answers.entry_id().unwrap().to_string(), "5-1");
        assert_eq!(answers.head().unwrap(), Head::Number(-42));
        assert_eq!(answers.list().unwrap(), 0);
        assert_eq!(answers.list().unwrap(), 0);
        assert!(answers.text().is_err(), "a refusal is no text");
        assert_eq!(answers.word().unwrap(), b"OK");
        assert_eq!(answers.list().unwrap(), 2);
    }

    #[test]
    fn every_second_answer_is_kept_whole() {
        let bytes = b"+OK\r\n*2\r\n:1\r\n*1\r\n:2\r\n*1\r\n:3\r\n:4\r\n";
        let mut answers = scan(&[bytes], 4).every_second();
        let first = Value::Array(vec![Value::Int(1), Value::Array(vec![Value::Int(2)])]);
        assert_eq!(answers.values().unwrap(), [first, Value::Int(4)]);
    }

    #[test]
    fn what_is_no_answer_is_refused_at_once() {
        let long = [b'1'; 40];
        let http: &[u8] = b"HTTP/1.1 400";
        for wrong in [
            http,
            b"$x\r\n",
            b":\r\n",
            b"*1.5\r\n",
            &[b"$", &long[..]].concat(),
        ] {
            let mut scanner = Scanner::default();
            scanner.expect(1);
            assert!(scanner.advance(wrong).is_err(), "{wrong:?}");
        }
        // A text that says it is huge is awaited, and nothing is reserved for it but what comes.
        let mut scanner = Scanner::default();
        scanner.expect(1);
        assert!(!scanner.advance(b"$536870912\r\nx").unwrap());
    }
}
