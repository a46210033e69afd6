//! One message a line: JSON Lines and plain lines. A line's bytes are kept as they are; only the
//! newline is taken off.

use std::io::BufRead;

use super::{BadPiece, Piece, Pieces, Source, peek, too_long};

pub(super) struct Lines {
    source: Source,
    number: u64,
    pass_over_blank: bool,
}

impl Lines {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            number: 0,
            pass_over_blank: false,
        }
    }

    /// A reader that does not take a line of blanks for a message.
    pub(super) fn passing_over_blank(source: Source) -> Self {
        Self {
            pass_over_blank: true,
            ..Self::new(source)
        }
    }

    /// The rest of the current line, up to `limit` bytes of it, and whether there was more.
    fn line(&mut self, limit: usize) -> std::io::Result<(Vec<u8>, bool)> {
        let mut line = Vec::new();
        let mut over = false;
        while peek(&mut self.source)?.is_some() {
            let bytes = self.source.fill_buf()?;
            let newline = bytes.iter().position(|byte| *byte == b'\n');
            let part = &bytes[..newline.unwrap_or(bytes.len())];
            // The rest of a line that is too long is read, to find its end, and not kept.
            if over || line.len() + part.len() > limit {
                over = true;
            } else {
                line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(newline.is_some());
            self.source.consume(used);
            if newline.is_some() {
                break;
            }
        }
        Ok((line, over))
    }
}

impl Pieces for Lines {
    fn next(&mut self, limit: usize) -> Result<Option<Piece>, BadPiece> {
        loop {
            let number = self.number + 1;
            let unreadable = |e: std::io::Error| BadPiece::unreadable(number, &e);
            if peek(&mut self.source).map_err(unreadable)?.is_none() {
                return Ok(None);
            }
            self.number = number;
            let (bytes, over) = self.line(limit).map_err(unreadable)?;
            if over {
                return Err(BadPiece::passable(number, too_long(limit)));
            }
            if self.pass_over_blank && bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return Ok(Some(Piece { number, bytes }));
        }
    }
}
