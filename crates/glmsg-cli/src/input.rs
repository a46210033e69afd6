//! What `publish` reads: a file or stdin, taken apart into messages one at a time. Whatever the
//! input holds, no more of it than one message is in memory.

mod json_array;
mod lines;
mod msgpack;
mod raw;
mod source;

pub(crate) use source::{Source, open};

use std::io::{self, BufRead};

use clap::ValueEnum;
use glmsg::ContentType;

/// How the input is divided into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON value a line; blank lines are passed over
    Jsonl,
    /// One JSON array; each element is a message
    JsonArray,
    /// Each line is a text
    Lines,
    /// The whole input is one message
    Raw,
    /// MessagePack values, one after the other
    Msgpack,
}

impl Format {
    /// What the payloads are, unless `--content-type` says otherwise.
    pub(crate) fn content_type(self) -> ContentType {
        match self {
            Self::Jsonl | Self::JsonArray => ContentType::JSON,
            Self::Lines => ContentType::TEXT,
            Self::Raw => ContentType::BYTES,
            Self::Msgpack => ContentType::MSGPACK,
        }
    }

    /// What one piece is called in an error.
    pub(crate) fn piece(self) -> &'static str {
        match self {
            Self::Jsonl | Self::Lines => "line",
            Self::JsonArray => "element",
            Self::Raw => "input",
            Self::Msgpack => "value",
        }
    }

    /// A reader of this format that refuses pieces over `limit` bytes.
    pub(crate) fn reader(self, source: Source, limit: usize) -> Reader {
        let pieces: Box<dyn Pieces> = match self {
            Self::Jsonl => Box::new(lines::Lines::passing_over_blank(source)),
            Self::JsonArray => Box::new(json_array::JsonArray::new(source)),
            Self::Lines => Box::new(lines::Lines::new(source)),
            Self::Raw => Box::new(raw::Raw::new(source)),
            Self::Msgpack => Box::new(msgpack::MsgPack::new(source)),
        };
        Reader { pieces, limit }
    }
}

/// One message's bytes, as they stood in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its place in the input, from 1: the line, element or value.
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
}

/// Why there is no piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadPiece {
    /// The line, element or value.
    pub(crate) number: u64,
    pub(crate) why: String,
    /// `true` if reading can go on behind it.
    pub(crate) passable: bool,
}

/// The pieces of an input.
trait Pieces: Send {
    /// The next piece of at most `limit` bytes; `None` at the end.
    fn next(&mut self, limit: usize) -> Result<Option<Piece>, BadPiece>;
}

/// A reader with its limit, which is known for certain only when the broker is.
pub(crate) struct Reader {
    pieces: Box<dyn Pieces>,
    limit: usize,
}

impl Reader {
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, BadPiece> {
        self.pieces.next(self.limit)
    }

    /// Refuses pieces over `limit` bytes from now on.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }
}

impl BadPiece {
    fn passable(number: u64, why: impl Into<String>) -> Self {
        Self {
            number,
            why: why.into(),
            passable: true,
        }
    }

    fn fatal(number: u64, why: impl Into<String>) -> Self {
        Self {
            number,
            why: why.into(),
            passable: false,
        }
    }

    fn unreadable(number: u64, error: &io::Error) -> Self {
        Self::fatal(number, format!("cannot be read: {error}"))
    }
}

/// The text of the refusal of a piece that is too long.
fn too_long(limit: usize) -> String {
    format!("longer than {limit} bytes, the limit for a payload")
}

/// The next byte, left in place.
fn peek(source: &mut Source) -> io::Result<Option<u8>> {
    loop {
        match source.fill_buf() {
            Ok(bytes) => return Ok(bytes.first().copied()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// The next byte.
fn take(source: &mut Source) -> io::Result<Option<u8>> {
    let byte = peek(source)?;
    if byte.is_some() {
        source.consume(1);
    }
    Ok(byte)
}

#[cfg(test)]
mod tests;
