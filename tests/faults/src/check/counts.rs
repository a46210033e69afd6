//! What is counted on the way.

use std::fmt;
use std::time::Duration;

use super::Expectation;
use super::acked_loss::{lost, reported};
use super::availability::longest_gap;
use super::duplicate_stores::duplicate_stores;
use super::story::Story;
use crate::ledger::{Settlement, What};

/// The numbers of a run. Where groups are several, a message counts once for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that somebody tried to publish.
    pub tried: u64,
    /// Messages that the store said it has.
    pub published: u64,
    /// Answers that it had the message already.
    pub duplicates: u64,
    /// Answers that it had no room.
    pub full: u64,
    /// Refusals for good.
    pub rejected: u64,
    /// Tries without an answer.
    pub indeterminate: u64,
    /// Deliveries.
    pub received: u64,
    /// Deliveries that were not the first of their message.
    pub redelivered: u64,
    /// Messages that were handled.
    pub done: u64,
    /// Times that a message was handled which had been handled already.
    pub done_again: u64,
    /// Messages that were recorded as dead, or are listed as dead letters.
    pub dead: u64,
    /// Redrives.
    pub redriven: u64,
    /// Settlements that were refused because the delivery was no longer the caller's.
    pub stale: u64,
    /// Messages that were stored, and are neither handled nor kept.
    pub lost: u64,
    /// Lost messages that the system told of by itself.
    pub loss_reported: u64,
    /// Messages that are in the store more than once.
    pub duplicate_stores: u64,
    /// Processes that were killed.
    pub crashes: u64,
    /// Faults that began.
    pub faults: u64,
    /// The longest time in which somebody tried to publish and nobody could.
    pub longest_gap: Duration,
}

impl Counts {
    pub(super) fn of(story: &Story<'_>, expectation: &Expectation) -> Self {
        let mut counts = Self {
            tried: number(story.published.len()),
            published: number(
                story
                    .published
                    .values()
                    .filter(|published| !published.stored.is_empty())
                    .count(),
            ),
            faults: number(story.faults.len()),
            lost: number(lost(story, expectation).len()),
            loss_reported: reported(story),
            duplicate_stores: number(duplicate_stores(story, expectation).len()),
            longest_gap: longest_gap(story),
            ..Self::default()
        };
        for event in &story.events {
            let counter = match event.what {
                What::PubDup { .. } => &mut counts.duplicates,
                What::PubFull { .. } => &mut counts.full,
                What::PubRejected { .. } => &mut counts.rejected,
                What::PubIndeterminate { .. } => &mut counts.indeterminate,
                What::Recv { .. } => &mut counts.received,
                What::Redrive { .. } => &mut counts.redriven,
                What::Crash => &mut counts.crashes,
                What::Ack { result, .. }
                | What::Nack { result, .. }
                | What::Release { result, .. }
                    if matches!(result, Settlement::Stale | Settlement::Gone) =>
                {
                    &mut counts.stale
                }
                _ => continue,
            };
            *counter += 1;
        }
        for ((group, id), passage) in &story.passages {
            let done = number(passage.done().count());
            counts.done += done.min(1);
            counts.done_again += done.saturating_sub(1);
            counts.redelivered += number(passage.deliveries.len()).saturating_sub(1);
            let letters = expectation.groups.get(*group);
            let listed = letters.is_some_and(|remains| remains.dead_letters(id) > 0);
            counts.dead += u64::from(listed || passage.ended_dead());
        }
        counts
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tried,
            published,
            duplicates,
            full,
            rejected,
            indeterminate,
            received,
            redelivered,
            done,
            done_again,
            dead,
            redriven,
            stale,
            lost,
            loss_reported,
            duplicate_stores,
            crashes,
            faults,
            longest_gap,
        } = self;
        let rate = done_again * 10_000 / (*done).max(1);
        writeln!(
            f,
            "published {published} of {tried}: {duplicates} answered as duplicates, {full} as full, {rejected} refused, \
             {indeterminate} not answered; longest gap {longest_gap:.0?}"
        )?;
        writeln!(
            f,
            "received {received}, {redelivered} of them again; done {done}, again {done_again} ({}.{:02} %); \
             dead {dead}, redriven {redriven}, stale {stale}",
            rate / 100,
            rate % 100
        )?;
        write!(
            f,
            "lost {lost}, reported {loss_reported}; stored twice {duplicate_stores}; {crashes} crashes, {faults} faults"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::hand::judge;

    #[test]
    fn everything_is_counted_once() {
        let counts = judge(
            "0 p pub_try a\n1 p pub_indeterminate a\n2 p pub_try a\n9 p pub_dup a\n10 p pub_try b\n11 p pub_full b\n\
             12 p pub_try c\n13 p pub_rejected c why\n20 w recv a attempt=1 lease=5\n21 w done a\n30 w crash\n\
             40 v recv a attempt=2 lease=5\n41 v done a\n42 v ack a accepted\n50 w ack a stale called=49\n\
             60 s fault_begin x\n61 s loss_reported count=4",
        )
        .counts;
        let published = (
            counts.tried,
            counts.published,
            counts.duplicates,
            counts.full,
        );
        assert_eq!(published, (3, 1, 1, 1));
        assert_eq!((counts.rejected, counts.indeterminate), (1, 1));
        assert_eq!((counts.received, counts.redelivered), (2, 1));
        assert_eq!((counts.done, counts.done_again, counts.dead), (1, 1, 0));
        assert_eq!((counts.stale, counts.lost, counts.loss_reported), (1, 0, 4));
        assert_eq!((counts.crashes, counts.faults), (1, 1));
        assert_eq!(counts.longest_gap.as_millis(), 9);
        assert!(
            counts.to_string().contains("done 1, again 1 (100.00 %)"),
            "{counts}"
        );
    }
}
