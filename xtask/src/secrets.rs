//! Passwords in what a test run prints. Every password of the tests holds one mark; whatever a step's programs print is
//! searched for it, also what is not shown, and the last step fails if it was seen.

mod scanner;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use self::scanner::Scanner;
use crate::failure::{Failure, Outcome};

/// What every password of the tests holds: a test that needs a password makes it of this.
pub(crate) const MARK: &str = "c4n4ry";

/// What is watched, from [`watch`] on.
static WATCH: Mutex<Option<Watch>> = Mutex::new(None);

#[derive(Debug, Default)]
struct Watch {
    /// The step that runs.
    step: String,
    found: Vec<Found>,
}

/// A line with a password in it.
#[derive(Debug)]
struct Found {
    step: String,
    /// The line, masked.
    line: String,
}

/// From now on, what programs print is searched.
pub(crate) fn watch() {
    locked().get_or_insert_default();
}

/// Whether it is searched.
pub(crate) fn are_watched() -> bool {
    locked().is_some()
}

/// What is found from now on is this step's.
pub(crate) fn step(name: &str) {
    if let Some(watch) = locked().as_mut() {
        name.clone_into(&mut watch.step);
    }
}

/// Searches a whole text.
pub(crate) fn search(text: &[u8]) {
    if are_watched() {
        let mut scanner = Scanner::default();
        found(scanner.feed(text));
        found(scanner.end());
    }
}

/// Remembers lines that a scanner found.
pub(crate) fn found(lines: Vec<String>) {
    if let Some(watch) = locked().as_mut() {
        let step = &watch.step;
        let lines = lines.into_iter().map(|line| Found {
            step: step.clone(),
            line,
        });
        watch.found.extend(lines);
    }
}

/// Fails if any password was seen.
pub(crate) fn check() -> Outcome {
    match locked().as_ref() {
        Some(watch) => watch.verdict(),
        None => Ok(()),
    }
}

/// A thread that panicked while it held this left it whole.
fn locked() -> MutexGuard<'static, Option<Watch>> {
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    fn verdict(&self) -> Outcome {
        let Some(first) = self.found.first() else {
            println!("no password of the tests is in what they printed");
            return Ok(());
        };
        Err(Failure::failed(format!(
            "passwords of the tests were printed: lines {}, the first in step `{}`: {}",
            self.found.len(),
            first.step,
            first.line
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_one_line_that_names_the_step_and_repeats_no_password() {
        assert!(Watch::default().verdict().is_ok());
        let mut scanner = Scanner::default();
        let text = format!("one\nredis://u:my-{MARK}@h\ntwo {MARK}\n");
        let lines = scanner.feed(text.as_bytes()).into_iter();
        let found = lines.map(|line| Found {
            step: "tests".to_owned(),
            line,
        });
        let watch = Watch {
            step: "later".to_owned(),
            found: found.collect(),
        };
        let said = watch.verdict().unwrap_err().to_string();
        assert!(
            said.contains("lines 2, the first in step `tests`: redis://u:my-***@h"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1);
    }
}
