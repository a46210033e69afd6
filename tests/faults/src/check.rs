//! The checker: what a ledger proves, and what it refutes.
//!
//! [`check`] is a pure function of the events and of an [`Expectation`]. It judges eleven [`Invariant`]s and returns a
//! [`Report`] with the violations of each and with what was counted on the way.
//!
//! ```
//! use glmsg_faults::check::{Expectation, Invariant, check};
//! use glmsg_faults::ledger::{Event, What};
//!
//! let event = |at, what| Event { at, process: "publisher".to_owned(), what };
//! let id = || "m-1".to_owned();
//! let ledger = [
//!     event(1, What::PubTry { id: id(), key: None, seq: None }),
//!     event(2, What::PubOk { id: id() }),
//! ];
//! // Nobody has handled the message, and the store no longer holds it.
//! let report = check(&ledger, &Expectation::for_groups(["workers"]));
//! assert_eq!(report.broken(), [Invariant::I1]);
//! assert_eq!(report.violations(Invariant::I1)[0].id.as_deref(), Some("m-1"));
//! ```
//!
//! An invariant is judged when there is something to judge it by: I5 when the case says that order is kept, I9 when it
//! sets a bound, and so on. [`Expectation::only`] turns that around: then exactly the named ones are judged, and one
//! that cannot be is itself a violation.

mod acked_loss;
mod attempts;
mod availability;
mod coherence;
mod counts;
mod duplicate_stores;
mod duplicates;
mod exactly_once;
mod expectation;
mod fault;
#[cfg(test)]
mod hand;
mod honesty;
mod invariant;
mod lease;
mod order;
mod partitions;
mod passage;
mod phantom;
mod remains;
mod report;
mod story;
mod stuck;

pub use counts::Counts;
pub use expectation::{Expectation, Loss};
pub use invariant::Invariant;
pub use partitions::Partitions;
pub use remains::{Counted, DeadLetter, Remains};
pub use report::{Report, Verdict, Violation};

use crate::ledger::Event;
use story::Story;

/// What one invariant has to say: nothing if there is nothing to judge it by.
type Finding = Option<Vec<Violation>>;

/// Judges a ledger.
///
/// The events may come in any order; [`read_dir`](crate::ledger::read_dir) returns them in the right one.
pub fn check(events: &[Event], expectation: &Expectation) -> Report {
    let story = Story::of(events);
    let verdicts = Invariant::ALL.map(|invariant| {
        let find = match invariant {
            Invariant::I0 => coherence::find,
            Invariant::I1 => acked_loss::find,
            Invariant::I2 => phantom::find,
            Invariant::I3 => stuck::find,
            Invariant::I4 => duplicates::find,
            Invariant::I5 => order::find,
            Invariant::I6 => attempts::find,
            Invariant::I7 => lease::find,
            Invariant::I8 => exactly_once::find,
            Invariant::I9 => availability::find,
            Invariant::I10 => honesty::find,
        };
        let find: fn(&Story<'_>, &Expectation) -> Finding = find;
        let finding = expectation
            .judges(invariant)
            .then(|| find(&story, expectation))
            .flatten();
        let finding = finding.or_else(|| {
            let text = "the case asks for this invariant, and nothing was given to judge it by";
            expectation
                .demands(invariant)
                .then(|| vec![Violation::of_all(text)])
        });
        Verdict {
            invariant,
            judged: finding.is_some(),
            violations: finding.unwrap_or_default(),
        }
    });
    let counts = Counts::of(&story, expectation);
    Report::new(verdicts.into(), counts)
}
