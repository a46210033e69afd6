//! The way of one message through one group: its deliveries, and what became of each.

use super::Expectation;
use crate::ledger::Settlement;

/// The call that settled a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Ack,
    Nack,
    Release,
}

/// A settlement as it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) call: Call,
    pub(super) result: Settlement,
    /// The call began no earlier than this.
    pub(super) called: u64,
    /// It was answered, and that was recorded, at this moment.
    pub(super) at: u64,
}

/// One delivery, by its receiver's records.
#[derive(Debug, Clone)]
pub(super) struct Delivery<'a> {
    pub(super) process: &'a str,
    pub(super) at: u64,
    pub(super) attempt: u32,
    /// How long the lease was at first, in ns; none if there is no lease.
    pub(super) lease: Option<u64>,
    /// When it ends, by the receiver's records.
    pub(super) lease_end: u64,
    pub(super) position: Option<&'a str>,
    pub(super) done: Vec<u64>,
    pub(super) settled: Vec<Settled>,
    /// When its process ended, or began anew under the same name.
    pub(super) gone: Option<u64>,
}

impl Delivery<'_> {
    /// The settlement of this kind that was accepted.
    pub(super) fn accepted(&self, call: Call) -> Option<&Settled> {
        let mut settled = self.settled.iter();
        settled.find(|one| one.call == call && one.result == Settlement::Accepted)
    }

    /// Whether the message may have been returned to its group by this delivery's holder.
    pub(super) fn may_have_returned(&self) -> bool {
        self.settled.iter().any(|one| {
            one.call != Call::Ack
                && matches!(one.result, Settlement::Accepted | Settlement::Unknown)
        })
    }

    /// Whether the holder was told that the message is a dead letter now.
    pub(super) fn died(&self) -> bool {
        let mut settled = self.settled.iter();
        settled.any(|one| one.result == Settlement::Dead)
    }

    pub(super) fn released(&self) -> bool {
        self.settled.iter().any(|one| {
            one.call == Call::Release
                && matches!(one.result, Settlement::Accepted | Settlement::Unknown)
        })
    }

    /// Whether the lease may have been over by then. A lease begins before its delivery is recorded, so there is slack.
    pub(super) fn lease_over_by(&self, moment: u64, expectation: &Expectation) -> bool {
        let Some(lease) = self.lease else {
            return false;
        };
        let slack = expectation.lease_slack.map_or(lease / 2, |slack| {
            u64::try_from(slack.as_nanos()).unwrap_or(u64::MAX)
        });
        moment.saturating_add(slack) >= self.lease_end
    }

    /// Whether the process had ended by then.
    pub(super) fn gone_by(&self, moment: u64) -> bool {
        self.gone.is_some_and(|gone| gone <= moment)
    }
}

/// All that one group did with one message.
#[derive(Debug, Clone, Default)]
pub(super) struct Passage<'a> {
    /// In the order of their records.
    pub(super) deliveries: Vec<Delivery<'a>>,
    /// When it was recorded as dead.
    pub(super) dead: Vec<u64>,
    /// When it was redriven.
    pub(super) redrives: Vec<u64>,
    /// Steps of processes that had not received the message.
    pub(super) strays: Vec<(&'a str, &'static str)>,
}

impl<'a> Passage<'a> {
    /// The delivery that a step of this process belongs to: the last one it received.
    pub(super) fn held_by(&mut self, process: &str) -> Option<&mut Delivery<'a>> {
        let mut deliveries = self.deliveries.iter_mut().rev();
        deliveries.find(|delivery| delivery.process == process)
    }

    /// The deliveries as the store made them, each with the number of redrives before it.
    ///
    /// By attempt before time: a consumer that is stalled records its delivery late, when another has the message.
    pub(super) fn ordered(&self) -> Vec<(usize, &Delivery<'a>)> {
        let life = |at: u64| {
            let before = self.redrives.iter().filter(|redrive| **redrive <= at);
            before.count()
        };
        let mut ordered: Vec<_> = self
            .deliveries
            .iter()
            .map(|one| (life(one.at), one))
            .collect();
        ordered.sort_by_key(|(life, one)| (*life, one.attempt, one.at));
        ordered
    }

    /// Pairs of deliveries in the order of the store, the first before the second, both of one life: all pairs whose
    /// order is beyond doubt.
    pub(super) fn pairs(&self) -> Vec<(&Delivery<'a>, &Delivery<'a>)> {
        // A release gives the attempt back, and then two deliveries have the same number.
        let doubtful = self.deliveries.iter().any(Delivery::released);
        let ordered = self.ordered();
        let mut pairs = Vec::new();
        for (index, (life, first)) in ordered.iter().enumerate() {
            for (later_life, second) in &ordered[index + 1..] {
                if life == later_life && (first.attempt < second.attempt || !doubtful) {
                    pairs.push((*first, *second));
                }
            }
        }
        pairs
    }

    /// When the handler finished, each time.
    pub(super) fn done(&self) -> impl Iterator<Item = u64> {
        self.deliveries
            .iter()
            .flat_map(|delivery| delivery.done.iter().copied())
    }

    /// Whether, by what was recorded as it happened, it ended as a dead letter.
    pub(super) fn ended_dead(&self) -> bool {
        self.dead.len() > self.redrives.len()
    }
}
