//! One broken rule: where, what, and what to do about it.

use std::fmt;

use crate::failure::{Failure, Outcome};

/// One broken rule, printed as `path:line: what is wrong; what to do`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) wrong: String,
    pub(crate) remedy: String,
}

impl Violation {
    pub(crate) fn new(
        path: &str,
        line: usize,
        wrong: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            line,
            wrong: wrong.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}; {}",
            self.path, self.line, self.wrong, self.remedy
        )
    }
}

/// Prints them all, in order, and fails if there are any.
pub(crate) fn report(mut violations: Vec<Violation>, checked: &str) -> Outcome {
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => {
            println!("{checked}: ok");
            Ok(())
        }
        1 => Err(Failure::failed("1 rule is broken")),
        count => Err(Failure::failed(format!("{count} rules are broken"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_reads_as_one_line_an_editor_can_open() {
        let violation = Violation::new("a/b.rs", 3, "it is wrong", "make it right");
        assert_eq!(
            violation.to_string(),
            "a/b.rs:3: it is wrong; make it right"
        );
        assert!(report(vec![violation], "files").is_err());
        assert!(report(Vec::new(), "files").is_ok());
    }
}
