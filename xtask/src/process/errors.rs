//! What cargo says on stderr of a target that failed: of one that crashed, there is no word elsewhere.

use std::collections::VecDeque;

use super::lines::Reader;

/// How many lines before an error are kept, where a program that aborts says why, and of it.
const BEFORE: usize = 6;
const OF_IT: usize = 12;

/// How much of each line is kept.
const KEPT_CHARS: usize = 300;

/// The errors of a long run.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// The lines since the last target began.
    recent: VecDeque<String>,
    kept: Vec<String>,
    /// How many more lines of the error are kept.
    more: usize,
}

impl Errors {
    /// The lines of the errors; empty if there was none.
    pub(super) fn text(&self) -> String {
        let lines = self.kept.iter().map(|line| format!("\n    {line}"));
        lines.collect()
    }
}

impl Reader for Errors {
    fn line(&mut self, line: &str) -> bool {
        let said = line.trim_start();
        if said.starts_with("Running ") || said.starts_with("Doc-tests ") {
            self.recent.clear();
            self.more = 0;
            return true;
        }
        if line.starts_with("error") {
            self.kept.extend(self.recent.drain(..));
            self.more = OF_IT;
        }
        let line: String = line.chars().take(KEPT_CHARS).collect();
        if line.is_empty() {
            return true;
        }
        if self.more > 0 {
            self.more -= 1;
            self.kept.push(line);
        } else {
            if self.recent.len() == BEFORE {
                self.recent.pop_front();
            }
            self.recent.push_back(line);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_told_with_what_the_program_said_of_it() {
        let mut errors = Errors::default();
        let told = "\
   Compiling one v0.1.0
     Running unittests src/lib.rs (target/debug/deps/one-1)
     Running tests/two/main.rs (target/debug/deps/two-1)
0
1
2
3
4
memory allocation of 8 bytes failed

error: test failed, to rerun pass `-p one --test two`

Caused by:
  process didn't exit successfully: `two-1` (signal: 6, SIGABRT: process abort signal)
   Doc-tests one
said by an example
error: 1 target failed:
    `-p one --test two`";
        assert!(told.lines().all(|line| errors.line(line)));
        let expected = "
    0
    1
    2
    3
    4
    memory allocation of 8 bytes failed
    error: test failed, to rerun pass `-p one --test two`
    Caused by:
      process didn't exit successfully: `two-1` (signal: 6, SIGABRT: process abort signal)
    said by an example
    error: 1 target failed:
        `-p one --test two`";
        assert_eq!(errors.text(), expected);
    }

    #[test]
    fn without_an_error_nothing_is_kept() {
        let mut errors = Errors::default();
        (0..100).for_each(|count| assert!(errors.line(&format!("warning {count}"))));
        assert_eq!(errors.text(), "");
    }
}
