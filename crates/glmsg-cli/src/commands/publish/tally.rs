//! What became of the pieces so far.

use super::{Args, OnError};
use crate::failure::{Failure, say};
use crate::input::BadPiece;

/// How many skipped pieces are named; a file of garbage must not fill the log.
pub(super) const NAMED: u64 = 20;

/// What became of the pieces so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) stored: u64,
    pub(super) duplicates: u64,
    pub(super) skipped: u64,
}

impl Tally {
    /// The failure of a run that ends before its input does.
    pub(super) fn cut_short(&self, why: &str) -> Failure {
        Failure::failed(format!("{why}; {}", self.so_far()))
    }

    /// Passes over a bad piece, or says why that cannot be.
    pub(super) fn skip(&mut self, args: &Args, input: &str, bad: &BadPiece) -> Result<(), Failure> {
        if args.on_error == OnError::Skip && bad.passable {
            self.name_skipped(args, bad.number, &bad.why);
            return Ok(());
        }
        let piece = args.format.piece();
        Err(Failure::failed(format!(
            "{input}: {piece} {}: {}; {}",
            bad.number,
            bad.why,
            self.so_far()
        )))
    }

    pub(super) fn name_skipped(&mut self, args: &Args, number: u64, why: &str) {
        self.skipped += 1;
        if self.skipped <= NAMED {
            say(&format!(
                "{} {number} is skipped: {why}",
                args.format.piece()
            ));
        }
    }

    pub(super) fn so_far(&self) -> String {
        match self.stored + self.duplicates {
            0 => "nothing is stored".to_owned(),
            1 => "1 before it is stored".to_owned(),
            there => format!("{there} before it are stored"),
        }
    }
}
