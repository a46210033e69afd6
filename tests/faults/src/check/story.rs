//! The events of a ledger, put in order by message, process and fault.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::{Fault, is_part_of};
use super::passage::{Call, Delivery, Passage, Settled};
use super::{Expectation, Loss};
use crate::ledger::{Event, Settlement, What};

/// What publishers did with one message.
#[derive(Debug, Default)]
pub(super) struct Published<'a> {
    pub(super) tries: Vec<u64>,
    /// When the store said that it has it, now or already.
    pub(super) stored: Vec<u64>,
    /// How often the store or the client refused it.
    pub(super) refused: usize,
    pub(super) key: Option<(&'a str, u64)>,
    /// Outcomes before any try.
    pub(super) untried: usize,
}

impl Published<'_> {
    /// Whether every try was refused, so that it cannot be stored.
    pub(super) fn was_refused(&self) -> bool {
        self.stored.is_empty() && self.refused > 0 && self.refused == self.tries.len()
    }
}

/// A ledger in order.
#[derive(Debug, Default)]
pub(super) struct Story<'a> {
    pub(super) events: Vec<&'a Event>,
    pub(super) published: BTreeMap<&'a str, Published<'a>>,
    /// By group and message.
    pub(super) passages: BTreeMap<(&'a str, &'a str), Passage<'a>>,
    pub(super) faults: Vec<Fault<'a>>,
    /// Ends of faults that had not begun.
    pub(super) endless: Vec<&'a str>,
    /// When processes began, ended or were killed.
    ends: BTreeMap<&'a str, Vec<u64>>,
    /// When processes learned that they had been shut out.
    shut_out: BTreeMap<&'a str, Vec<u64>>,
}

impl<'a> Story<'a> {
    pub(super) fn of(events: &'a [Event]) -> Self {
        let mut story = Self {
            events: events.iter().collect(),
            ..Self::default()
        };
        story.events.sort_by_key(|event| event.at);
        for event in story.events.clone() {
            story.publisher(event);
            story.consumer(event);
            story.circumstance(event);
        }
        let deliveries = story.passages.values().flat_map(|one| &one.deliveries);
        let receivers: BTreeSet<&str> = deliveries.map(|delivery| delivery.process).collect();
        for fault in &mut story.faults {
            let mut receivers = receivers.iter();
            fault.is_private = receivers.any(|receiver| is_part_of(receiver, fault.process));
        }
        for passage in story.passages.values_mut() {
            for delivery in &mut passage.deliveries {
                delivery.gone = gone(&story.ends, delivery.process, delivery.at);
            }
        }
        story
    }

    fn publisher(&mut self, event: &'a Event) {
        let Event { at, what, .. } = event;
        match what {
            What::PubTry { id, key, seq } => {
                let published = self.published.entry(id).or_default();
                published.tries.push(*at);
                if let (Some(key), Some(seq)) = (key, seq) {
                    published.key = Some((key, *seq));
                }
            }
            What::PubOk { id }
            | What::PubDup { id }
            | What::PubFull { id }
            | What::PubRejected { id, .. }
            | What::PubIndeterminate { id } => {
                let published = self.published.entry(id).or_default();
                match what {
                    What::PubOk { .. } | What::PubDup { .. } => published.stored.push(*at),
                    What::PubFull { .. } | What::PubRejected { .. } => published.refused += 1,
                    _ => {}
                }
                published.untried += usize::from(published.tries.is_empty());
            }
            _ => {}
        }
    }

    fn consumer(&mut self, event: &'a Event) {
        let Event { at, process, what } = event;
        let (Some(id), Some(group)) = (what.id(), what.group()) else {
            return;
        };
        let passage = self.passages.entry((group, id)).or_default();
        match what {
            What::Recv {
                attempt,
                lease_ms,
                position,
                ..
            } => {
                let lease = lease_ms * 1_000_000;
                passage.deliveries.push(Delivery {
                    process,
                    at: *at,
                    attempt: *attempt,
                    lease: (lease > 0).then_some(lease),
                    lease_end: at + lease,
                    position: position.as_deref(),
                    done: Vec::new(),
                    settled: Vec::new(),
                    gone: None,
                });
            }
            What::Dead { .. } => passage.dead.push(*at),
            What::Redrive { .. } => passage.redrives.push(*at),
            step => {
                let Some(delivery) = passage.held_by(process) else {
                    passage.strays.push((process, name(step)));
                    return;
                };
                match step {
                    What::Extend { lease_ms, .. } => {
                        delivery.lease_end = at + lease_ms * 1_000_000;
                    }
                    What::Done { .. } => delivery.done.push(*at),
                    What::Ack { called, result, .. } => {
                        settle(delivery, Call::Ack, *called, *at, *result);
                    }
                    What::Nack { called, result, .. } => {
                        settle(delivery, Call::Nack, *called, *at, *result);
                    }
                    What::Release { called, result, .. } => {
                        settle(delivery, Call::Release, *called, *at, *result);
                    }
                    _ => {}
                }
            }
        }
    }

    fn circumstance(&mut self, event: &'a Event) {
        let Event { at, process, what } = event;
        match what {
            What::Start | What::Stop | What::Crash => {
                self.ends.entry(process).or_default().push(*at);
            }
            What::ShutOut => self.shut_out.entry(process).or_default().push(*at),
            What::FaultBegin { fault } => self.faults.push(Fault::begun(fault, process, *at)),
            What::FaultEnd { fault } => {
                let mut open = self.faults.iter_mut().rev();
                let open = open
                    .find(|one| one.end.is_none() && one.name == fault && one.process == process);
                match open {
                    Some(open) => open.end = Some(*at),
                    None => self.endless.push(fault),
                }
            }
            _ => {}
        }
    }

    /// Whether any fault was on between two moments.
    pub(super) fn faulty(&self, from: u64, to: u64) -> bool {
        self.faults.iter().any(|fault| fault.overlaps(from, to))
    }

    /// Whether a fault between two moments concerned this consumer: one of its own, or one of no consumer's.
    pub(super) fn disturbed(&self, process: &str, from: u64, to: u64) -> bool {
        let mut faults = self.faults.iter();
        faults.any(|fault| {
            let concerns = !fault.is_private || is_part_of(process, fault.process);
            concerns && fault.overlaps(from, to)
        })
    }

    /// Whether any process began or ended between two moments.
    pub(super) fn changed_members(&self, from: u64, to: u64) -> bool {
        let mut moments = self.ends.values().flatten();
        moments.any(|at| (from..=to).contains(at))
    }

    /// Whether any process was shut out between two moments, having learned of it at most `late` after that.
    pub(super) fn shut_out_any(&self, from: u64, to: u64, late: u64) -> bool {
        let mut moments = self.shut_out.values().flatten();
        moments.any(|at| from <= *at && at.saturating_sub(late) <= to)
    }

    /// The same of this process.
    pub(super) fn shut_out(&self, process: &str, from: u64, to: u64, late: u64) -> bool {
        let of_it = self
            .shut_out
            .iter()
            .filter(|(whole, _)| is_part_of(process, whole));
        let mut moments = of_it.flat_map(|(_, moments)| moments);
        moments.any(|at| from <= *at && at.saturating_sub(late) <= to)
    }

    /// Whether the store may have lost, between two moments, what it knew before.
    pub(super) fn may_have_forgotten(&self, expectation: &Expectation, from: u64, to: u64) -> bool {
        expectation.loss != Loss::Forbidden && self.faulty(from, to)
    }

    /// Whether this process suffered a fault of its own at that moment.
    pub(super) fn suffered(&self, process: &str, moment: u64) -> bool {
        let mut faults = self.faults.iter();
        faults.any(|fault| is_part_of(process, fault.process) && fault.overlaps(moment, moment))
    }
}

fn gone(ends: &BTreeMap<&str, Vec<u64>>, process: &str, after: u64) -> Option<u64> {
    let parts = ends.iter().filter(|(whole, _)| is_part_of(process, whole));
    let later = parts
        .flat_map(|(_, moments)| moments)
        .filter(|at| **at > after);
    later.min().copied()
}

fn settle(delivery: &mut Delivery<'_>, call: Call, called: u64, at: u64, result: Settlement) {
    // Where the beginning was not noted, it is after the step before: the end of the handler, or the receipt.
    let before = delivery.done.last().copied().unwrap_or(delivery.at);
    delivery.settled.push(Settled {
        call,
        result,
        called: called.max(before),
        at,
    });
}

fn name(what: &What) -> &'static str {
    match what {
        What::Extend { .. } => "extended",
        What::Done { .. } => "done",
        What::Ack { .. } => "acked",
        What::Nack { .. } => "nacked",
        _ => "released",
    }
}

#[cfg(test)]
mod tests {
    use super::super::hand::hand;
    use super::*;

    #[test]
    fn steps_belong_to_the_last_delivery_of_their_process() {
        let ledger = hand(
            "0 a recv m attempt=1 lease=10\n20 b recv m attempt=2 lease=10\n25 a done m\n26 b done m\n\
             27 b ack m accepted\n30 a ack m stale called=28\n40 c done m",
        );
        let story = Story::of(&ledger);
        let passage = &story.passages[&("g", "m")];
        let [a, b] = &passage.deliveries[..] else {
            panic!("{passage:?}");
        };
        assert_eq!((a.done[0], b.done[0]), (25_000_000, 26_000_000));
        assert_eq!(a.settled[0].called, 28_000_000);
        assert_eq!(
            b.accepted(Call::Ack).unwrap().called,
            26_000_000,
            "not before the handler's end"
        );
        assert_eq!(passage.strays, [("c", "done")]);
    }

    #[test]
    fn what_befalls_a_process_befalls_its_tasks() {
        let ledger = hand(
            "0 w/1 recv m\n0 w2 recv n\n5 w crash\n6 w/1 recv o\n7 w fault_begin stop\n9 w fault_end stop",
        );
        let story = Story::of(&ledger);
        let gone = |id| story.passages[&("g", id)].deliveries[0].gone;
        assert_eq!(
            (gone("m"), gone("n"), gone("o")),
            (Some(5_000_000), None, None)
        );
        assert!(story.suffered("w/1", 8_000_000) && !story.suffered("w2", 8_000_000));
    }

    #[test]
    fn faults_end_by_name_and_process() {
        let ledger = hand(
            "0 a fault_begin x\n1 b fault_begin x\n2 a fault_end x\n3 b fault_begin y\n4 a fault_end y",
        );
        let story = Story::of(&ledger);
        let ends: Vec<_> = story.faults.iter().map(|fault| fault.end).collect();
        assert_eq!(ends, [Some(2_000_000), None, None]);
        assert_eq!(story.endless, ["y"]);
        assert!(story.faulty(1_500_000, 1_600_000));
    }
}
