//! One row of the table.

use crate::{Series, Unit};

/// One figure of the library, beside what it is compared with.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was done.
    pub name: String,
    /// What the figures are.
    pub unit: Unit,
    /// The library's figure of each round.
    pub ours: Series,
    /// What it stands beside.
    pub twin: Option<Twin>,
    /// What is wanted.
    pub target: Option<Target>,
}

/// What a figure stands beside, measured in the same rounds.
#[derive(Debug, Clone)]
pub struct Twin {
    /// What it did.
    pub name: &'static str,
    /// Its figure of each round.
    pub figures: Series,
    /// The library's figure divided by it, of each round: the machine's mood cancels out.
    pub ratio: Series,
}

/// What is wanted of a row's median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// The ratio to the twin, at least.
    Ratio(f64),
    /// The ratio to the twin, at most.
    RatioAtMost(f64),
    /// The figure, at least.
    AtLeast(f64),
    /// The figure, at most.
    AtMost(f64),
}

impl Row {
    /// A row with no twin and no target.
    pub fn new(name: impl Into<String>, unit: Unit, ours: &[f64]) -> Self {
        Self {
            name: name.into(),
            unit,
            ours: Series::new(ours.iter().copied()),
            twin: None,
            target: None,
        }
    }

    /// The same beside a twin, round by round.
    #[must_use]
    pub fn beside(mut self, name: &'static str, ours: &[f64], twin: &[f64]) -> Self {
        self.twin = Some(Twin {
            name,
            figures: Series::new(twin.iter().copied()),
            ratio: Series::new(ours.iter().zip(twin).map(|(ours, twin)| ours / twin)),
        });
        self
    }

    /// The same with a target.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// Whether the target is met, if there is one.
    pub fn is_met(&self) -> Option<bool> {
        Some(match self.target? {
            Target::Ratio(wanted) => self.twin.as_ref()?.ratio.median() >= wanted,
            Target::RatioAtMost(wanted) => self.twin.as_ref()?.ratio.median() <= wanted,
            Target::AtLeast(wanted) => self.ours.median() >= wanted,
            Target::AtMost(wanted) => self.ours.median() <= wanted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_taken_in_each_round() {
        let (ours, twin) = ([10.0, 100.0, 8.0], [20.0, 100.0, 10.0]);
        let row = Row::new("publish", Unit::Rate, &ours).beside("raw", &ours, &twin);
        let ratio = &row.twin.as_ref().unwrap().ratio;
        assert_eq!((ratio.min(), ratio.median(), ratio.max()), (0.5, 0.8, 1.0));
        assert_eq!(row.is_met(), None);
        assert_eq!(row.clone().target(Target::Ratio(0.8)).is_met(), Some(true));
        assert_eq!(
            row.clone().target(Target::AtLeast(11.0)).is_met(),
            Some(false)
        );
        assert_eq!(
            row.clone().target(Target::RatioAtMost(0.7)).is_met(),
            Some(false)
        );
        assert_eq!(row.target(Target::AtMost(11.0)).is_met(), Some(true));
    }
}
