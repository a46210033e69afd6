//! What tests that pass have printed: a test runner that is asked for it shows it in a section of its own, which is left
//! out of what a reader sees.

/// The section begins and ends with such lines.
const SUCCESSES: &str = "successes:";
const FAILURES: &str = "failures:";
const RESULT: &str = "test result: ";

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the tests, or where failures are shown: nothing is left out, whatever it says.
    #[default]
    Outside,
    /// Where tests end one by one.
    Tests,
    /// In the section.
    Successes,
}

/// Leaves the section out of the output of test runners, one after the other.
#[derive(Debug, Default)]
pub(super) struct Successes {
    place: Place,
    /// The line that has not ended yet.
    line: Vec<u8>,
}

impl Successes {
    /// Takes the next bytes; returns the lines to show that end here.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                shown.extend(self.end());
            }
        }
        shown
    }

    /// The stream has ended, or the line.
    pub(super) fn end(&mut self) -> Vec<u8> {
        let line = std::mem::take(&mut self.line);
        self.place = self.after(String::from_utf8_lossy(&line).trim_end());
        match self.place {
            Place::Successes => Vec::new(),
            Place::Outside | Place::Tests => line,
        }
    }

    fn after(&self, line: &str) -> Place {
        let begins =
            line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test"));
        match self.place {
            _ if begins => Place::Tests,
            Place::Tests if line == SUCCESSES => Place::Successes,
            _ if line == FAILURES || line.starts_with(RESULT) => Place::Outside,
            place => place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &str = "\
running 2 tests
test a ... ok
test b ... FAILED

successes:

---- a stdout ----
hello


successes:
    a

failures:

---- b stdout ----
successes:
thread 'b' panicked


failures:
    b

test result: FAILED. 1 passed; 1 failed

     Running another

running 1 test
test c ... ok

successes:

---- c stdout ----
hello

test result: ok. 1 passed
";

    #[test]
    fn what_passes_is_left_out_and_all_else_is_shown() {
        let expected = "\
running 2 tests
test a ... ok
test b ... FAILED

failures:

---- b stdout ----
successes:
thread 'b' panicked


failures:
    b

test result: FAILED. 1 passed; 1 failed

     Running another

running 1 test
test c ... ok

test result: ok. 1 passed
";
        for cut in 0..BOTH.len() {
            let (one, two) = BOTH.as_bytes().split_at(cut);
            let mut successes = Successes::default();
            let mut shown = successes.feed(one);
            shown.extend(successes.feed(two));
            shown.extend(successes.end());
            assert_eq!(String::from_utf8(shown).unwrap(), expected);
        }
    }

    #[test]
    fn the_end_of_a_stream_needs_no_line_end() {
        let mut successes = Successes::default();
        assert!(successes.feed(b"test a ... ").is_empty());
        assert_eq!(successes.end(), b"test a ... ");
    }
}
