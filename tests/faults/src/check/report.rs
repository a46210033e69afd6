//! What the checker found.

use std::collections::BTreeSet;
use std::fmt;

use super::{Counts, Invariant};

/// How many violations of one invariant are printed. A broken run has thousands, and the first few say it all.
const PRINTED: usize = 10;

/// One way in which an invariant does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The message, if it is about one.
    pub id: Option<String>,
    /// What is wrong.
    pub text: String,
}

impl Violation {
    pub(super) fn of(id: &str, text: impl Into<String>) -> Self {
        Self {
            id: Some(id.to_owned()),
            text: text.into(),
        }
    }

    pub(super) fn of_all(text: impl Into<String>) -> Self {
        Self {
            id: None,
            text: text.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{id}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// What became of one invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which one.
    pub invariant: Invariant,
    /// Whether it was judged at all.
    pub judged: bool,
    /// How it is violated; if it was judged and this is empty, it holds.
    pub violations: Vec<Violation>,
}

/// What the checker found. Its `Display` is for the output of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was counted.
    pub counts: Counts,
    /// All invariants, in order.
    pub verdicts: Vec<Verdict>,
}

impl Report {
    pub(super) fn new(verdicts: Vec<Verdict>, counts: Counts) -> Self {
        Self { counts, verdicts }
    }

    /// Whether every invariant that was judged holds.
    pub fn is_ok(&self) -> bool {
        self.broken().is_empty()
    }

    /// The invariants that are violated.
    pub fn broken(&self) -> Vec<Invariant> {
        let broken = self
            .verdicts
            .iter()
            .filter(|verdict| !verdict.violations.is_empty());
        broken.map(|verdict| verdict.invariant).collect()
    }

    /// How one invariant is violated.
    pub fn violations(&self, invariant: Invariant) -> &[Violation] {
        let mut verdicts = self.verdicts.iter();
        let found = verdicts.find(|verdict| verdict.invariant == invariant);
        found.map_or(&[], |verdict| &verdict.violations)
    }

    /// The ids that violate one invariant.
    pub fn ids(&self, invariant: Invariant) -> BTreeSet<&str> {
        let violations = self.violations(invariant).iter();
        violations.filter_map(|one| one.id.as_deref()).collect()
    }

    /// Whether an invariant was judged.
    pub fn judged(&self, invariant: Invariant) -> bool {
        let mut verdicts = self.verdicts.iter();
        verdicts.any(|verdict| verdict.invariant == invariant && verdict.judged)
    }

    /// Fails the test with the whole report if an invariant is violated.
    ///
    /// # Panics
    /// If an invariant is violated.
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.is_ok(), "\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.counts)?;
        for verdict in &self.verdicts {
            let violations = &verdict.violations;
            match violations.len() {
                0 if verdict.judged => writeln!(f, "{}: holds", verdict.invariant)?,
                0 => writeln!(f, "{}: not judged", verdict.invariant)?,
                number => writeln!(f, "{}: VIOLATED, {number} times", verdict.invariant)?,
            }
            for violation in violations.iter().take(PRINTED) {
                writeln!(f, "  {violation}")?;
            }
            if violations.len() > PRINTED {
                writeln!(f, "  … and {} more", violations.len() - PRINTED)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::hand::{hand, judge};
    use super::super::{Expectation, Remains};
    use super::*;

    #[test]
    fn the_print_is_bounded_and_names_the_ids() {
        let lines: String = (100..150).fold(String::new(), |lines, n| {
            format!("{lines}{n} p pub_try m{n}\n{n} p pub_ok m{n}\n")
        });
        let report = judge(&lines);
        assert_eq!(report.violations(Invariant::I1).len(), 50);
        assert_eq!(report.ids(Invariant::I1).len(), 50);
        let text = report.to_string();
        assert!(
            text.contains("I1 no acked loss: VIOLATED, 50 times\n  m100: "),
            "{text}"
        );
        assert!(
            text.contains("  m109: ") && !text.contains("  m110: "),
            "{text}"
        );
        assert!(text.contains("… and 40 more"), "{text}");
        assert!(text.contains("I2 no phantom: holds"), "{text}");
        assert!(text.contains("I5 order by key: not judged"), "{text}");
    }

    #[test]
    fn what_is_asked_for_and_cannot_be_judged_is_violated() {
        let ledger = hand("0 p pub_try m\n1 p pub_ok m\n2 c recv m\n3 c done m");
        let expectation = Expectation::for_groups(["g"]);
        let only = |one| super::super::check(&ledger, &expectation.clone().only([one]));
        assert_eq!(only(Invariant::I9).broken(), [Invariant::I9]);
        let report = only(Invariant::I1);
        assert!(report.is_ok() && report.judged(Invariant::I1) && !report.judged(Invariant::I2));
    }

    #[test]
    fn what_is_skipped_is_not_judged() {
        let ledger = hand("0 p pub_try m\n1 p pub_ok m");
        let expectation = Expectation::for_groups(["g"]).remains("g", Remains::default());
        let report = super::super::check(&ledger, &expectation.skip(Invariant::I1));
        assert!(report.is_ok() && !report.judged(Invariant::I1));
    }
}
