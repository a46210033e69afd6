//! I7: a lease is one consumer's.

use super::duplicate_stores::duplicate_stores;
use super::partitions::{may_be_twice, may_move};
use super::passage::{Call, Delivery};
use super::story::Story;
use super::{Expectation, Finding, Violation};

pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    let mut deliveries = story.passages.values().flat_map(|one| &one.deliveries);
    if !deliveries.any(|delivery| delivery.lease.is_some()) {
        return None;
    }
    let copies = duplicate_stores(story, expectation);
    let allowed = copies.len() <= expectation.duplicate_stores;
    let mut violations = Vec::new();
    for ((group, id), passage) in &story.passages {
        let is_twice = may_be_twice(story, expectation, passage);
        if is_twice || (allowed && copies.contains_key(id)) {
            continue;
        }
        for (first, second) in passage.pairs() {
            let (from, to) = (first.at.min(second.at), first.at.max(second.at));
            if story.may_have_forgotten(expectation, from, to) {
                continue;
            }
            if let Some(how) = settled_too_late(first, second) {
                let text = format!(
                    "{how} of {} was accepted, though {} of group {group} had it by then",
                    first.process, second.process
                );
                violations.push(Violation::of(id, text));
            }
        }
        for pair in passage.ordered().windows(2) {
            let [(life, first), (later_life, second)] = pair else {
                continue;
            };
            let is_one = life == later_life && first.process != second.process;
            if is_one && overlap(story, expectation, first, second) {
                let early = (first.lease_end - second.at) / 1_000_000;
                let text = format!(
                    "{} received it {early} ms before the lease of {} ended (group {group})",
                    second.process, first.process
                );
                violations.push(Violation::of(id, text));
            }
        }
    }
    Some(violations)
}

/// The settlement that was accepted, though its delivery had been followed by another.
///
/// A nack or a release is the reason of the next delivery, so it is too late only if it was called after that. After
/// an ack there is no next delivery, so one that was recorded before the answer was either before it or should not be.
fn settled_too_late(first: &Delivery<'_>, second: &Delivery<'_>) -> Option<&'static str> {
    let late = |call| {
        let accepted = first.accepted(call);
        accepted.is_some_and(|settled| settled.called > second.at)
    };
    let acked = first.accepted(Call::Ack);
    if acked.is_some_and(|ack| second.at < ack.at) {
        Some("an ack")
    } else if late(Call::Nack) {
        Some("a nack")
    } else if late(Call::Release) {
        Some("a release")
    } else {
        None
    }
}

fn overlap(
    story: &Story<'_>,
    expectation: &Expectation,
    first: &Delivery<'_>,
    second: &Delivery<'_>,
) -> bool {
    // What is recorded by a process that was stalled, or before the delivery it follows, was received earlier than that.
    let is_in_order = first.at <= second.at && !story.suffered(first.process, first.at);
    first.lease.is_some()
        && is_in_order
        && !first.lease_over_by(second.at, expectation)
        && !first.may_have_returned()
        && first.accepted(Call::Ack).is_none()
        && !first.died()
        && !first.gone_by(second.at)
        && !story.may_have_forgotten(expectation, first.at, second.at)
        && !may_move(story, expectation, first, second)
}

#[cfg(test)]
mod tests {
    use super::super::hand::{hand, judge};
    use super::super::{Invariant, check};
    use super::*;

    const FIRST: &str = "0 p pub_try m\n1 p pub_ok m\n2 a recv m attempt=1 lease=100\n";

    fn is_kept(way: &str) -> bool {
        let report = judge(&format!("{FIRST}{way}"));
        assert!(report.judged(Invariant::I7));
        report.violations(Invariant::I7).is_empty()
    }

    #[test]
    fn a_lease_that_is_over_or_given_up_passes_on() {
        assert!(is_kept(
            "110 b recv m attempt=2 lease=100\n120 a ack m stale called=119"
        ));
        assert!(is_kept(
            "5 a nack m accepted\n6 b recv m attempt=2 lease=100"
        ));
        assert!(is_kept("5 a crash\n6 b recv m attempt=2 lease=100"));
        assert!(
            is_kept("50 a recv m attempt=2 lease=100"),
            "to itself, I4 judges that"
        );
        assert!(
            is_kept("6 b recv m attempt=2 lease=100\n9 a nack m accepted called=4"),
            "answered late"
        );
        assert!(!judge("0 p pub_try m\n1 p pub_ok m\n2 a recv m").judged(Invariant::I7));
    }

    #[test]
    fn two_holders_at_once_are_found() {
        assert!(!is_kept("50 b recv m attempt=2 lease=100"));
        assert!(!is_kept(
            "90 a extend m lease=100\n110 b recv m attempt=2 lease=100"
        ));
        let ledger = hand(&format!("{FIRST}80 b recv m attempt=2 lease=100"));
        let slack = |ms| {
            let slack = std::time::Duration::from_millis(ms);
            let expectation = Expectation::for_groups(["g"]).lease_slack(slack);
            check(&ledger, &expectation).violations(Invariant::I7).len()
        };
        assert_eq!((slack(30), slack(5)), (0, 1));
    }

    #[test]
    fn whoever_lost_the_lease_cannot_settle() {
        let second = "110 b recv m attempt=2 lease=100\n";
        for call in ["ack", "nack", "release"] {
            assert!(
                !is_kept(&format!("{second}120 a {call} m accepted called=119")),
                "{call}"
            );
            assert!(
                is_kept(&format!("{second}120 a {call} m stale called=119")),
                "{call}"
            );
        }
        assert!(
            !is_kept(&format!("{second}120 a ack m accepted called=105")),
            "an ack is the end"
        );
        assert!(
            !is_kept(&format!("{second}119 a done m\n120 a nack m accepted")),
            "called after done"
        );
    }

    #[test]
    fn a_stalled_holder_may_record_late() {
        let stalled = "3 a fault_begin stop\n300 a recv m attempt=2 lease=100\n301 a fault_end stop\n310 b recv m attempt=3 lease=100";
        assert!(is_kept(stalled));
    }
}
