//! I4: whatever comes twice has a reason.

use super::duplicate_stores::duplicate_stores;
use super::partitions::{may_be_twice, may_move, may_repeat};
use super::passage::{Call, Delivery};
use super::story::Story;
use super::{Counts, Expectation, Finding, Violation};

pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    let mut violations = Vec::new();
    let copies = duplicate_stores(story, expectation);
    if copies.len() > expectation.duplicate_stores {
        violations.extend(
            copies
                .iter()
                .map(|(id, text)| Violation::of(id, text.as_str())),
        );
    }
    for ((group, id), passage) in &story.passages {
        if may_be_twice(story, expectation, passage) {
            continue;
        }
        let is_copied = copies.contains_key(id);
        // Such a store knows no ids: copies may come to one holder, each for the first time.
        let may_look_alike = is_copied && expectation.partitions.is_some();
        for delivery in &passage.deliveries {
            let times = delivery.done.len();
            if times > 1 && !may_look_alike {
                let text = format!(
                    "handled {times} times in one delivery by {}",
                    delivery.process
                );
                violations.push(Violation::of(id, text));
            }
        }
        // A second copy is reason enough to come twice, and has been told.
        if is_copied {
            continue;
        }
        for (first, second) in passage.pairs() {
            if let Some(end) = was_settled_for_good(first, second)
                && !forgotten(story, expectation, first, second)
                && !may_repeat(story, expectation, first, second.at)
            {
                let (one, other) = (first.process, second.process);
                let text =
                    format!("{end} by {one}, and delivered again to {other} of group {group}");
                violations.push(Violation::of(id, text));
            }
        }
        let ordered = passage.ordered();
        for pair in ordered.windows(2) {
            let [(life, first), (later_life, second)] = pair else {
                continue;
            };
            let in_doubt = was_settled_for_good(first, second).is_none();
            if life == later_life && in_doubt && !is_explained(story, expectation, first, second) {
                let after = second.at.saturating_sub(first.at) / 1_000_000;
                let text = format!(
                    "delivered to {} of group {group}, and again to {} {after} ms later without a reason",
                    first.process, second.process
                );
                violations.push(Violation::of(id, text));
            }
        }
    }
    if let Some(counter) = expectation.redelivered {
        let counted = Counts::of(story, expectation).redelivered;
        if counter != counted {
            let text = format!("the counter says {counter} redeliveries, and the ledger {counted}");
            violations.push(Violation::of_all(text));
        }
    }
    Some(violations)
}

/// How the first delivery ended the message's way, before the second was recorded.
fn was_settled_for_good(first: &Delivery<'_>, second: &Delivery<'_>) -> Option<&'static str> {
    let acked = first.accepted(Call::Ack);
    if acked.is_some_and(|ack| ack.at <= second.at) {
        return Some("acked");
    }
    first.died().then_some("made a dead letter")
}

fn forgotten(
    story: &Story<'_>,
    expectation: &Expectation,
    first: &Delivery<'_>,
    second: &Delivery<'_>,
) -> bool {
    let (from, to) = (first.at.min(second.at), first.at.max(second.at));
    story.may_have_forgotten(expectation, from, to)
}

fn is_explained(
    story: &Story<'_>,
    expectation: &Expectation,
    first: &Delivery<'_>,
    second: &Delivery<'_>,
) -> bool {
    let (from, to) = (first.at.min(second.at), first.at.max(second.at));
    // Recorded before the delivery it follows: its holder was stalled between the receipt and the record.
    let is_late_record = second.at < first.at;
    first.may_have_returned()
        || first.gone_by(second.at)
        || is_late_record
        || first.lease_over_by(second.at, expectation)
        || story.disturbed(first.process, from, to)
        || story.disturbed(second.process, from, to)
        || may_move(story, expectation, first, second)
}

#[cfg(test)]
mod tests {
    use super::super::hand::{hand, judge};
    use super::super::{Invariant, Loss, check};
    use super::*;

    const STORED: &str = "0 p pub_try m\n1 p pub_ok m\n";
    const FIRST: &str = "2 a recv m attempt=1 lease=100\n";

    fn is_fine(way: &str) -> bool {
        let report = judge(&format!("{STORED}{FIRST}{way}"));
        assert!(report.judged(Invariant::I4));
        report.violations(Invariant::I4).is_empty()
    }

    #[test]
    fn a_redelivery_with_a_reason_is_fine() {
        for reason in [
            "5 a nack m accepted",
            "5 a release m accepted",
            "5 a nack m unknown",
            "5 a crash",
            "5 a stop",
            "5 s fault_begin kill\n6 s fault_end kill",
        ] {
            let second = if reason.contains("release") { 1 } else { 2 };
            let way = format!(
                "{reason}\n7 b recv m attempt={second} lease=100\n8 b done m\n9 b ack m accepted"
            );
            assert!(is_fine(&way), "{reason}");
        }
        assert!(is_fine("110 b recv m attempt=2 lease=100\n120 b done m"));
        assert!(
            is_fine("60 b recv m attempt=2 lease=100"),
            "half of the lease is slack"
        );
        assert!(
            is_fine("5 a nack m dead\n6 o redrive m\n7 b recv m attempt=1\n8 b done m"),
            "redriven"
        );
    }

    #[test]
    fn a_redelivery_without_a_reason_is_found() {
        let report = judge(&format!("{STORED}{FIRST}40 b recv m attempt=2 lease=100"));
        let violations = report.violations(Invariant::I4);
        assert!(violations.len() == 1 && violations[0].text.contains("38 ms later"));
        assert_eq!(report.counts.redelivered, 1);
        assert!(
            !is_fine("1 a crash\n40 b recv m attempt=2"),
            "a crash before it is none"
        );
    }

    #[test]
    fn the_stall_of_one_consumer_is_no_reason_for_another() {
        let stall = |who: &str| {
            let stall =
                format!("5 {who} fault_begin stop\n6 {who} fault_end stop\n0 c recv n\n1 c done n");
            is_fine(&format!("{stall}\n7 b recv m attempt=2 lease=100"))
        };
        assert!(stall("a") && stall("b") && !stall("c"));
    }

    #[test]
    fn nothing_comes_again_after_its_end() {
        let acked = "5 a done m\n6 a ack m accepted\n";
        let again = format!("{acked}200 b recv m attempt=2");
        assert!(!is_fine(&again), "not even when the lease is over");
        assert!(!is_fine("6 a nack m dead\n200 b recv m attempt=2"));
        let fault =
            format!("{acked}7 s fault_begin kill\n8 s fault_end kill\n200 b recv m attempt=2");
        assert!(!is_fine(&fault), "the ack was promised");
        let ledger = hand(&format!("{STORED}{FIRST}{fault}"));
        let loss = Expectation::for_groups(["g"]).loss(Loss::Reported);
        check(&ledger, &loss).assert_ok();
    }

    #[test]
    fn one_delivery_is_handled_once() {
        assert!(is_fine("5 a done m"));
        assert!(!is_fine("5 a done m\n6 a done m"));
    }

    #[test]
    fn a_stalled_receiver_records_late() {
        assert!(is_fine(
            "110 b recv m attempt=2 lease=100\n120 b done m\n121 b ack m accepted"
        ));
        let late = "2 b recv m attempt=2 lease=100\n5 b done m\n6 b ack m accepted\n300 a recv m attempt=1 lease=100\n301 a done m\n302 a ack m stale";
        judge(&format!("{STORED}{late}")).assert_ok();
    }

    #[test]
    fn the_counter_is_the_ledgers() {
        let ledger = hand(&format!(
            "{STORED}{FIRST}3 a nack m accepted\n7 b recv m attempt=2\n8 b done m"
        ));
        let counter = |n| check(&ledger, &Expectation::for_groups(["g"]).redelivered(n)).broken();
        assert!(counter(1).is_empty());
        assert_eq!(counter(0), [Invariant::I4]);
    }
}
