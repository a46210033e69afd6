//! I10: the system tells of its faults.

use super::fault::Fault;
use super::story::Story;
use super::{Expectation, Finding, Violation};
use crate::ledger::What;

pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    if expectation.unhealthy_during.is_empty() && expectation.errors.is_none() {
        return None;
    }
    let mut violations = Vec::new();
    if expectation.errors == Some(0) {
        let text = "the counter of errors says 0 after all these faults";
        violations.push(Violation::of_all(text));
    }
    if expectation.unhealthy_during.is_empty() {
        return Some(violations);
    }
    let probes: Vec<(u64, bool)> = story
        .events
        .iter()
        .filter_map(|event| match event.what {
            What::Health { healthy } => Some((event.at, healthy)),
            _ => None,
        })
        .collect();
    let named = |fault: &&Fault<'_>| expectation.unhealthy_during.contains(fault.name);
    for fault in story.faults.iter().filter(named) {
        violations.extend(during(fault, &probes, expectation.probes));
    }
    let healed = story.faults.iter().filter_map(|fault| fault.end).max();
    if let Some(healed) = healed
        && probes
            .last()
            .is_none_or(|(at, healthy)| *at <= healed || !healthy)
    {
        let text = "the last probe is not one that says healthy after the last fault";
        violations.push(Violation::of_all(text));
    }
    Some(violations)
}

fn during(fault: &Fault<'_>, probes: &[(u64, bool)], limit: usize) -> Option<Violation> {
    let during = probes.iter().filter(|(at, _)| fault.overlaps(*at, *at));
    let first: Vec<bool> = during.take(limit).map(|(_, healthy)| *healthy).collect();
    if first.contains(&false) {
        return None;
    }
    let name = fault.name;
    let text = if first.len() < limit {
        let number = first.len();
        format!(
            "{number} probes in the fault `{name}`, all healthy: probe more often, or let it last longer"
        )
    } else {
        format!("the first {limit} probes in the fault `{name}` all say healthy")
    };
    Some(Violation::of_all(text))
}

#[cfg(test)]
mod tests {
    use super::super::hand::hand;
    use super::super::{Invariant, check};
    use super::*;

    fn broken(probes: &str, expectation: Expectation) -> usize {
        let text = format!(
            "0 p pub_try a\n1 p pub_ok a\n10 s fault_begin kill\n20 s fault_end kill\n{probes}"
        );
        let report = check(&hand(&text), &expectation.only([Invariant::I10]));
        report.violations(Invariant::I10).len()
    }

    fn told() -> Expectation {
        Expectation::for_groups(["g"]).unhealthy_during("kill")
    }

    #[test]
    fn unhealthy_by_the_second_probe_and_healthy_after_is_honest() {
        assert_eq!(
            broken("11 h healthy\n12 h unhealthy\n30 h healthy", told()),
            0
        );
        assert_eq!(
            broken(
                "11 h unhealthy\n21 h unhealthy\n30 h healthy",
                told().errors(3)
            ),
            0
        );
    }

    #[test]
    fn healthy_during_a_fault_is_a_lie() {
        assert_eq!(
            broken(
                "11 h healthy\n12 h healthy\n13 h unhealthy\n30 h healthy",
                told()
            ),
            1
        );
        assert_eq!(
            broken(
                "11 h healthy\n12 h unhealthy\n30 h healthy",
                told().probes(1)
            ),
            1
        );
        assert_eq!(broken("30 h healthy", told()), 1, "nobody asked");
    }

    #[test]
    fn unhealthy_for_ever_is_a_lie() {
        assert_eq!(broken("11 h unhealthy\n30 h unhealthy", told()), 1);
        assert_eq!(broken("11 h unhealthy", told()), 1, "nobody asked");
    }

    #[test]
    fn errors_are_counted() {
        let errors = |n| broken("", Expectation::for_groups(["g"]).errors(n));
        assert_eq!((errors(0), errors(1)), (1, 0));
    }
}
