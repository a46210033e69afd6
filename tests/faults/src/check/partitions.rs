//! Stores that keep a group's place by partitions, as Kafka does.
//!
//! Who reads a partition writes down a little later what it was told of its messages, and takes that along when the
//! partition goes to another. So an ack counts from then on, and a lease ends when the partition moves.

use std::time::Duration;

use super::Expectation;
use super::passage::{Call, Delivery, Passage};
use super::story::Story;

/// How long what such a store does takes.
#[derive(Debug, Clone, Copy)]
pub struct Partitions {
    /// What was told is written down by then. A consumer that is killed, or a store that fails, before takes it along.
    pub commit: Duration,
    /// After a consumer has begun or ended, the partitions are shared out anew by then. One that was shut out has learned of it
    /// by then, too.
    pub rebalance: Duration,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// When what was told at that moment is written down at the latest. While partitions are shared out anew it waits.
fn written_by(story: &Story<'_>, partitions: Partitions, told: u64) -> u64 {
    let by = told.saturating_add(nanos(partitions.commit));
    let rebalance = nanos(partitions.rebalance);
    let from = told.saturating_sub(rebalance);
    match story.changed_members(from, by) || story.shut_out_any(from, by, rebalance) {
        true => told.saturating_add(rebalance),
        false => by,
    }
}

/// Whether a delivery that was acked may come again by that moment, as the ack was not yet written down.
pub(super) fn may_repeat(
    story: &Story<'_>,
    expectation: &Expectation,
    first: &Delivery<'_>,
    second: u64,
) -> bool {
    let (Some(partitions), Some(acked)) = (expectation.partitions, first.accepted(Call::Ack))
    else {
        return false;
    };
    let until = written_by(story, partitions, acked.at);
    let gone = first.gone.is_some_and(|gone| gone <= until.min(second));
    // Of one that was shut out nothing is written down any more.
    let rebalance = nanos(partitions.rebalance);
    let is_shut_out = story.shut_out(first.process, acked.at, until.min(second), rebalance);
    gone || is_shut_out || story.disturbed(first.process, acked.at, until)
}

/// Whether a message may be in two places: it was given back, to wait elsewhere, and that it left its old place was not
/// written down.
pub(super) fn may_be_twice(
    story: &Story<'_>,
    expectation: &Expectation,
    passage: &Passage<'_>,
) -> bool {
    let Some(partitions) = expectation.partitions else {
        return false;
    };
    passage.deliveries.iter().any(|one| {
        let Some(nacked) = one.accepted(Call::Nack) else {
            return one.may_have_returned() && !one.released();
        };
        let until = written_by(story, partitions, nacked.at);
        let rebalance = nanos(partitions.rebalance);
        one.gone.is_some_and(|gone| gone <= until)
            || story.shut_out(one.process, nacked.at, until, rebalance)
            || story.disturbed(one.process, nacked.at, until)
    })
}

/// Whether a delivery that was not settled may have gone to another by that moment, its lease notwithstanding.
pub(super) fn may_move(
    story: &Story<'_>,
    expectation: &Expectation,
    first: &Delivery<'_>,
    second: &Delivery<'_>,
) -> bool {
    let Some(partitions) = expectation.partitions else {
        return false;
    };
    let (from, to) = (first.at.min(second.at), first.at.max(second.at));
    let rebalance = nanos(partitions.rebalance);
    let from = from.saturating_sub(rebalance);
    story.changed_members(from, to)
        || story.shut_out_any(from, to, rebalance)
        || story.faulty(from, to)
}

#[cfg(test)]
mod tests {
    use super::super::hand::hand;
    use super::super::{Invariant, check};
    use super::*;

    const STORED: &str = "0 p pub_try m\n1 p pub_ok m\n";

    fn broken(way: &str) -> Vec<Invariant> {
        let expectation = Expectation::for_groups(["g"]).partitions(Partitions {
            commit: Duration::from_millis(10),
            rebalance: Duration::from_millis(20),
        });
        check(&hand(&format!("{STORED}{way}")), &expectation).broken()
    }

    #[test]
    fn an_ack_counts_when_it_is_written_down() {
        let acked = "2 a recv m attempt=1 lease=100\n5 a done m\n6 a ack m accepted\n";
        let again = "90 b recv m attempt=1 lease=100\n91 b done m";
        assert!(broken(&format!("{acked}14 a crash\n{again}")).is_empty());
        assert!(
            broken(&format!(
                "{acked}7 s fault_begin kill\n9 s fault_end kill\n{again}"
            ))
            .is_empty()
        );
        assert_eq!(
            broken(&format!("{acked}30 a crash\n{again}")),
            [Invariant::I4],
            "it was written down by then"
        );
        assert_eq!(broken(&format!("{acked}{again}")), [Invariant::I4]);
    }

    #[test]
    fn nothing_is_written_down_while_partitions_are_shared_out_anew() {
        let acked = "2 a recv m attempt=1 lease=100\n5 a done m\n6 a ack m accepted\n";
        let again = "90 b recv m attempt=1 lease=100\n91 b done m";
        let joins = format!("4 c start\n{acked}");
        assert!(broken(&format!("{joins}24 a crash\n{again}")).is_empty());
        assert_eq!(
            broken(&format!("{joins}40 a crash\n{again}")),
            [Invariant::I4],
            "it was over by then"
        );
    }

    #[test]
    fn what_was_given_back_may_be_in_two_places() {
        let nacked = "2 a recv m attempt=1 lease=100\n5 a nack m accepted\n";
        let twice = "90 b recv m attempt=2 lease=100\n91 b done m\n92 b ack m accepted\n95 b recv m attempt=2 lease=100\n96 b done m";
        assert!(broken(&format!("{nacked}7 a crash\n{twice}")).is_empty());
        assert_eq!(
            broken(&format!("{nacked}30 a crash\n{twice}")),
            [Invariant::I4],
            "it had left its old place by then"
        );
    }

    #[test]
    fn a_lease_ends_when_partitions_move() {
        let moved = "50 a recv m attempt=1 lease=100\n60 b recv m attempt=1 lease=100\n70 b done m\n71 b ack m accepted";
        assert!(broken(&format!("45 b start\n{moved}")).is_empty());
        assert!(broken(&format!("55 c crash\n{moved}")).is_empty());
        assert_eq!(
            broken(&format!("20 b start\n{moved}")),
            [Invariant::I4, Invariant::I7],
            "all was shared out by then"
        );
    }

    #[test]
    fn who_was_shut_out_explains_what_came_again() {
        let moved = "50 a recv m attempt=1 lease=100\n60 b recv m attempt=1 lease=100\n70 b done m\n71 b ack m accepted\n";
        assert_eq!(broken(moved), [Invariant::I4, Invariant::I7]);
        assert!(broken(&format!("{moved}75 a shut_out")).is_empty());
        assert!(broken(&format!("{moved}75 c shut_out")).is_empty());
        assert_eq!(
            broken(&format!("{moved}95 a shut_out")),
            [Invariant::I4, Invariant::I7],
            "that was of later"
        );
        assert_eq!(
            broken(&format!("20 a shut_out\n{moved}")),
            [Invariant::I4, Invariant::I7],
            "all was shared out by then"
        );
    }

    #[test]
    fn who_was_shut_out_has_acks_that_are_not_written_down() {
        let acked = "2 a recv m attempt=1 lease=100\n5 a done m\n6 a ack m accepted\n";
        let again = "90 b recv m attempt=1 lease=100\n91 b done m";
        assert!(broken(&format!("{acked}14 a shut_out\n{again}")).is_empty());
        assert_eq!(
            broken(&format!("{acked}14 c shut_out\n{again}")),
            [Invariant::I4],
            "it was another"
        );
        assert_eq!(
            broken(&format!("{acked}60 a shut_out\n{again}")),
            [Invariant::I4],
            "it was written down by then"
        );
    }
}
