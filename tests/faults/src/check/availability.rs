//! I9: the system stays available, and returns to what it was.

use std::time::Duration;

use super::story::Story;
use super::{Expectation, Finding, Violation};
use crate::ledger::What;

/// A number that is to be the same after the case as before.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) name: String,
    pub(super) baseline: u64,
    pub(super) end: u64,
    pub(super) allowed: u64,
}

/// What stands in the log of a program that fell over.
const FALLS: &[&str] = &[
    "panicked at",
    "has overflowed its stack",
    "memory allocation of",
];

pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    let Expectation {
        publish_gap,
        resources,
        logs,
        ..
    } = expectation;
    if publish_gap.is_none() && resources.is_empty() && logs.is_empty() {
        return None;
    }
    let mut violations = Vec::new();
    if let Some(bound) = publish_gap {
        let gap = longest_gap(story);
        if gap > *bound {
            let text = format!("nothing could be published for {gap:?}, and {bound:?} is the most");
            violations.push(Violation::of_all(text));
        }
    }
    for resource in resources {
        let Resource {
            name,
            baseline,
            end,
            allowed,
        } = resource;
        if *end > baseline.saturating_add(*allowed) {
            let text = format!("{name} was {baseline} and is {end}, more than {allowed} above");
            violations.push(Violation::of_all(text));
        }
    }
    for (process, text) in logs {
        let fallen = |line: &&str| FALLS.iter().any(|fall| line.contains(fall));
        for line in text.lines().filter(fallen) {
            violations.push(Violation::of_all(format!("log of {process}: {line}")));
        }
    }
    Some(violations)
}

/// The longest time from a try to publish until the next success of anybody, or to the end of all tries.
///
/// A time in which nobody tried is no gap.
pub(super) fn longest_gap(story: &Story<'_>) -> Duration {
    let mut longest = 0;
    let mut since = None;
    for event in &story.events {
        match event.what {
            What::PubTry { .. } => {
                since.get_or_insert(event.at);
            }
            What::PubOk { .. } | What::PubDup { .. } => {
                longest = longest.max(since.take().map_or(0, |since| event.at - since));
            }
            What::PubFull { .. } | What::PubRejected { .. } | What::PubIndeterminate { .. } => {
                longest = longest.max(since.map_or(0, |since| event.at - since));
            }
            _ => {}
        }
    }
    Duration::from_nanos(longest)
}

#[cfg(test)]
mod tests {
    use super::super::hand::hand;
    use super::super::{Invariant, check};
    use super::*;

    const GAP: &str = "0 p pub_try a\n1 p pub_ok a\n500 p pub_try b\n520 p pub_indeterminate b\n530 p pub_try b\n540 p pub_ok b";

    fn broken(expectation: Expectation) -> bool {
        let report = check(&hand(GAP), &expectation.only([Invariant::I9]));
        !report.violations(Invariant::I9).is_empty()
    }

    fn expectation() -> Expectation {
        Expectation::for_groups(["g"])
    }

    #[test]
    fn a_gap_is_measured_from_the_first_try() {
        assert!(!broken(
            expectation().publish_gap(Duration::from_millis(40))
        ));
        assert!(broken(expectation().publish_gap(Duration::from_millis(39))));
    }

    #[test]
    fn publishing_that_never_recovers_is_a_gap() {
        let ledger = hand("0 p pub_try a\n90 p pub_full a\n100 p pub_indeterminate a");
        assert_eq!(longest_gap(&Story::of(&ledger)), Duration::from_millis(100));
    }

    #[test]
    fn resources_return_to_their_baseline() {
        assert!(!broken(expectation().resource("tasks", 10, 12, 2)));
        assert!(!broken(expectation().resource("tasks", 10, 3, 2)));
        assert!(broken(expectation().resource("tasks", 10, 13, 2)));
    }

    #[test]
    fn a_panic_in_a_log_is_found() {
        assert!(!broken(expectation().log("worker", "all went well\n")));
        let log = "one\nthread 'main' panicked at src/main.rs:1:1:\noh no\n";
        assert!(broken(expectation().log("worker", log)));
    }
}
