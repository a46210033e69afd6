//! One JSON array, taken apart into its elements without being parsed as a whole: brackets are
//! counted and strings respected, which finds where an element ends. Whether the element is JSON
//! is asked of the codec later.

use std::io;

use super::{BadPiece, Piece, Pieces, Source, peek, take, too_long};

pub(super) struct JsonArray {
    source: Source,
    number: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the opening bracket.
    Before,
    /// Behind the opening bracket.
    First,
    /// Behind a comma.
    Inside,
    /// Behind the closing bracket.
    After,
}

/// An element, and what ended it.
struct Element {
    bytes: Vec<u8>,
    over: bool,
    end: Option<u8>,
}

impl JsonArray {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            number: 0,
            state: State::Before,
        }
    }

    fn skip_blanks(&mut self) -> io::Result<Option<u8>> {
        loop {
            match peek(&mut self.source)? {
                Some(b' ' | b'\t' | b'\n' | b'\r') => {
                    take(&mut self.source)?;
                }
                other => return Ok(other),
            }
        }
    }

    fn element(&mut self, limit: usize) -> io::Result<Element> {
        let mut element = Element {
            bytes: Vec::new(),
            over: false,
            end: None,
        };
        let mut depth = 0_u64;
        let mut in_string = false;
        let mut escaped = false;
        while let Some(byte) = take(&mut self.source)? {
            if in_string {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => in_string = false,
                    _ => {}
                }
            } else {
                match byte {
                    b',' | b']' if depth == 0 => {
                        element.end = Some(byte);
                        break;
                    }
                    b'[' | b'{' => depth += 1,
                    // Unbalanced brackets are the codec's to name.
                    b']' | b'}' => depth = depth.saturating_sub(1),
                    b'"' => in_string = true,
                    _ => {}
                }
            }
            if element.bytes.len() < limit {
                element.bytes.push(byte);
            } else {
                // Blanks may stand between an element of the greatest size and its comma.
                element.over |= !byte.is_ascii_whitespace() || in_string;
            }
        }
        let kept = element.bytes.trim_ascii_end().len();
        element.bytes.truncate(kept);
        Ok(element)
    }
}

impl Pieces for JsonArray {
    fn next(&mut self, limit: usize) -> Result<Option<Piece>, BadPiece> {
        let number = self.number + 1;
        let unreadable = |e: io::Error| BadPiece::unreadable(number, &e);
        let first = self.skip_blanks().map_err(unreadable)?;
        let first = match (self.state, first) {
            (State::Before | State::After, None) => return Ok(None),
            (State::Before, Some(b'[')) => {
                take(&mut self.source).map_err(unreadable)?;
                self.state = State::First;
                self.skip_blanks().map_err(unreadable)?
            }
            (State::Before, Some(_)) => {
                return Err(BadPiece::fatal(number, "the input is no JSON array"));
            }
            (State::After, Some(_)) => {
                return Err(BadPiece::fatal(number, "something stands behind the array"));
            }
            (_, first) => first,
        };
        match first {
            None => return Err(BadPiece::fatal(number, "the array does not end")),
            Some(b']') if self.state == State::First => {
                take(&mut self.source).map_err(unreadable)?;
                self.state = State::After;
                return self.next(limit);
            }
            Some(b']' | b',') => return Err(BadPiece::fatal(number, "an element is missing")),
            Some(_) => {}
        }
        self.number = number;
        let element = self.element(limit).map_err(unreadable)?;
        match element.end {
            None if element.over => return Err(BadPiece::fatal(number, too_long(limit))),
            None => return Err(BadPiece::fatal(number, "the array does not end")),
            Some(b']') => self.state = State::After,
            Some(_) => self.state = State::Inside,
        }
        if element.over {
            return Err(BadPiece::passable(number, too_long(limit)));
        }
        Ok(Some(Piece {
            number,
            bytes: element.bytes,
        }))
    }
}
