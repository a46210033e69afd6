//! What test runners print: what tests that pass have printed stands in a section of its own, which is left out of what
//! a reader sees; what those print that fail is shown, and its end kept for that of a long run.

use super::lines::Reader;

/// The sections begin and end with such lines.
const SUCCESSES: &str = "successes:";
const FAILURES: &str = "failures:";
const RESULT: &str = "test result: ";

/// How much of each failed test is kept: its last lines, where what it asserts stands, and so much of each line.
const KEPT_LINES: usize = 16;
const KEPT_CHARS: usize = 300;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the tests, or after them: nothing is left out, whatever it says.
    #[default]
    Outside,
    /// Where tests end one by one.
    Tests,
    /// In the section of those that passed.
    Successes,
    /// In the section of those that failed.
    Failures,
}

/// The output of test runners, one after the other.
#[derive(Debug, Default)]
pub(super) struct Runners {
    place: Place,
    failed: Vec<Failed>,
}

/// A test that failed, and the last lines that it printed.
#[derive(Debug)]
struct Failed {
    name: String,
    lines: Vec<String>,
    has_backtrace: bool,
}

impl Runners {
    /// The tests that failed, each with the end of what it printed; empty if none did.
    pub(super) fn failures(&self) -> String {
        let mut text = String::new();
        for Failed { name, lines, .. } in &self.failed {
            let lines: String = lines.iter().map(|line| format!("\n    {line}")).collect();
            text.push_str(&format!("\n  {name}{lines}"));
        }
        text
    }

    fn after(&self, line: &str) -> Place {
        let begins =
            line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test"));
        match self.place {
            _ if begins => Place::Tests,
            Place::Tests if line == SUCCESSES => Place::Successes,
            _ if line.starts_with(RESULT) => Place::Outside,
            Place::Tests | Place::Successes if line == FAILURES => Place::Failures,
            // What follows the outputs is a list of their names.
            Place::Failures if line == FAILURES => Place::Outside,
            place => place,
        }
    }

    /// A line of the section of failures. Where a backtrace begins, what the test says has ended.
    fn keep(&mut self, line: &str) {
        let name = line.strip_prefix("---- ").and_then(|line| {
            let line = line.strip_suffix(" ----")?;
            Some(line.strip_suffix(" stdout").unwrap_or(line))
        });
        if let Some(name) = name {
            self.failed.push(Failed {
                name: name.to_owned(),
                lines: Vec::new(),
                has_backtrace: false,
            });
            return;
        }
        let Some(failed) = self.failed.last_mut() else {
            return;
        };
        failed.has_backtrace |= line == "stack backtrace:";
        if failed.has_backtrace || line.is_empty() {
            return;
        }
        if failed.lines.len() == KEPT_LINES {
            failed.lines.remove(0);
        }
        failed.lines.push(line.chars().take(KEPT_CHARS).collect());
    }
}

impl Reader for Runners {
    fn line(&mut self, line: &str) -> bool {
        self.place = self.after(line);
        if self.place == Place::Failures {
            self.keep(line);
        }
        self.place != Place::Successes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::lines::Lines;

    fn shown(text: &str, runners: &mut Runners) -> String {
        let mut lines = Lines::default();
        let mut shown = lines.feed(text.as_bytes(), runners);
        shown.extend(lines.end(runners));
        String::from_utf8(shown).unwrap()
    }

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
        let mut runners = Runners::default();
        assert_eq!(shown(BOTH, &mut runners), expected);
        let kept = "\n  b\n    successes:\n    thread 'b' panicked";
        assert_eq!(runners.failures(), kept);
    }

    #[test]
    fn of_each_failure_the_end_is_kept() {
        let lines: String = (0..100).map(|line| format!("{line}\n")).collect();
        let long = "x".repeat(2 * KEPT_CHARS);
        let text = format!(
            "running 2 tests\n\nfailures:\n\n---- one::a stdout ----\n{lines}stack backtrace:\n   0: x\n---- two - b (line 3) stdout ----\n\
             {long}\n\n\nfailures:\n    one::a\n    two - b (line 3)\n\ntest result: FAILED."
        );
        let mut runners = Runners::default();
        shown(&text, &mut runners);
        let kept: Vec<(&str, usize)> = runners
            .failed
            .iter()
            .map(|failed| (failed.name.as_str(), failed.lines.len()))
            .collect();
        assert_eq!(kept, [("one::a", KEPT_LINES), ("two - b (line 3)", 1)]);
        assert_eq!(runners.failed[0].lines.last().unwrap(), "99");
        assert_eq!(runners.failed[1].lines[0].len(), KEPT_CHARS);
    }
}
