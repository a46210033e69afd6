//! What a case expects of its run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::availability::Resource;
use super::{Invariant, Partitions, Remains};

/// What may be lost of that which the store said it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Loss {
    /// Nothing.
    #[default]
    Forbidden,
    /// Something, but then the system says so: at least one [`LossReported`](crate::ledger::What::LossReported).
    Reported,
    /// Something, but then the system says how much: no less than was lost.
    Counted,
}

/// What a run is judged by. Begin with [`for_groups`](Self::for_groups).
///
/// As it begins, nothing remains in the store, nothing may be lost, and nothing is stored twice.
#[derive(Debug, Clone, Default)]
pub struct Expectation {
    pub(super) groups: BTreeMap<String, Remains>,
    pub(super) published: usize,
    pub(super) faults: usize,
    pub(super) loss: Loss,
    pub(super) loss_within: Option<Duration>,
    pub(super) strangers: usize,
    pub(super) quiet_within: Option<Duration>,
    pub(super) times_stored: BTreeMap<String, u32>,
    pub(super) duplicate_stores: usize,
    pub(super) places_change: bool,
    pub(super) partitions: Option<Partitions>,
    pub(super) redelivered: Option<u64>,
    pub(super) ordered: bool,
    pub(super) max_attempts: Option<u32>,
    pub(super) lease_slack: Option<Duration>,
    pub(super) outputs: Option<Vec<String>>,
    pub(super) publish_gap: Option<Duration>,
    pub(super) resources: Vec<Resource>,
    pub(super) logs: Vec<(String, String)>,
    pub(super) unhealthy_during: BTreeSet<String>,
    pub(super) probes: usize,
    pub(super) errors: Option<u64>,
    only: Option<BTreeSet<Invariant>>,
    skipped: BTreeSet<Invariant>,
}

impl Expectation {
    /// Every published message is to reach each of these groups.
    ///
    /// # Panics
    /// If there is no group: then no message would have to arrive anywhere.
    pub fn for_groups<G: Into<String>>(groups: impl IntoIterator<Item = G>) -> Self {
        let groups: BTreeMap<_, _> = groups
            .into_iter()
            .map(|group| (group.into(), Remains::default()))
            .collect();
        assert!(!groups.is_empty(), "name at least one group");
        Self {
            groups,
            published: 1,
            probes: 2,
            ..Self::default()
        }
    }

    /// What is left for a group in the end. What is not said to be left is not there.
    ///
    /// # Panics
    /// If the group is none of the case's.
    pub fn remains(mut self, group: &str, remains: Remains) -> Self {
        let Some(entry) = self.groups.get_mut(group) else {
            panic!("`{group}` is none of the groups of this case");
        };
        *entry = remains;
        self
    }

    /// I0: at least this many messages were stored; 1 if this is not called.
    pub fn published_at_least(mut self, messages: usize) -> Self {
        self.published = messages;
        self
    }

    /// I0: at least this many faults began. A case whose fault never happened proves nothing.
    pub fn faults_at_least(mut self, faults: usize) -> Self {
        self.faults = faults;
        self
    }

    /// I1: what may be lost.
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// I1: what is lost was stored during a fault, or no longer than this before it began.
    pub fn loss_within(mut self, window: Duration) -> Self {
        self.loss_within = Some(window);
        self
    }

    /// I2: so many ids that nobody published may appear, because the case put bytes into the store by itself.
    pub fn strangers(mut self, ids: usize) -> Self {
        self.strangers = ids;
        self
    }

    /// I3: the last message is done this long after the last publish and the last fault.
    pub fn quiet_within(mut self, time: Duration) -> Self {
        self.quiet_within = Some(time);
        self
    }

    /// I4: how often each id was put into the store, by the store's own count; an id that is left out is not judged.
    pub fn times_stored(mut self, times: impl IntoIterator<Item = (String, u32)>) -> Self {
        self.times_stored.extend(times);
        self
    }

    /// I4: a message may change its place in the store, as one does that leaves a frame: two places are not two copies.
    pub fn places_change(mut self, they_do: bool) -> Self {
        self.places_change = they_do;
        self
    }

    /// I4, I7: the store keeps a group's place by partitions: acks count a little later, and leases end when partitions
    /// move. Without this, an ack counts at once and a lease is the holder's to its end.
    pub fn partitions(mut self, partitions: Partitions) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// I4: so many ids may be stored more than once; 0 if this is not called.
    pub fn duplicate_stores(mut self, ids: usize) -> Self {
        self.duplicate_stores = ids;
        self
    }

    /// I4: what the system's own counter of redeliveries says, which must be what the ledger says.
    ///
    /// Only where no consumer is killed: one that dies between a delivery and its record leaves no trace of it.
    pub fn redelivered(mut self, counter: u64) -> Self {
        self.redelivered = Some(counter);
        self
    }

    /// I5: the order of messages with a key is kept.
    pub fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// I6: the most deliveries that a message may have; with [`partitions`](Self::partitions), in one place.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// I4, I7: how long before its record a delivery's lease may have begun; half of the lease if not called.
    ///
    /// That is as long as a message may wait between the store's answer and its handler: no less than the client's
    /// time-out for a receive, and the time between two renewals where leases are renewed while messages wait.
    pub fn lease_slack(mut self, slack: Duration) -> Self {
        self.lease_slack = Some(slack);
        self
    }

    /// I8: the ids that a reader of the output found, in any order, as often as it found them.
    pub fn outputs(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        self.outputs = Some(ids.into_iter().collect());
        self
    }

    /// I9: the longest time in which somebody tried to publish and nobody could.
    pub fn publish_gap(mut self, longest: Duration) -> Self {
        self.publish_gap = Some(longest);
        self
    }

    /// I9: a resource, memory or tasks or open files, that returns to its baseline, give or take `allowed`.
    pub fn resource(mut self, name: &str, baseline: u64, end: u64, allowed: u64) -> Self {
        self.resources.push(Resource {
            name: name.to_owned(),
            baseline,
            end,
            allowed,
        });
        self
    }

    /// I9: the log of a process, in which no panic may stand.
    pub fn log(mut self, process: &str, text: impl Into<String>) -> Self {
        self.logs.push((process.to_owned(), text.into()));
        self
    }

    /// I10: during each fault of this name a health probe says that the system is not healthy; after it, that it is.
    pub fn unhealthy_during(mut self, fault: &str) -> Self {
        self.unhealthy_during.insert(fault.to_owned());
        self
    }

    /// I10: by which probe of a fault that must be; the second if this is not called.
    pub fn probes(mut self, probes: usize) -> Self {
        self.probes = probes;
        self
    }

    /// I10: what the system's own counter of errors says, which must not be 0.
    pub fn errors(mut self, counter: u64) -> Self {
        self.errors = Some(counter);
        self
    }

    /// Judges exactly these, and I0. One that there is nothing to judge by is violated.
    pub fn only(mut self, invariants: impl IntoIterator<Item = Invariant>) -> Self {
        self.only = Some(invariants.into_iter().collect());
        self
    }

    /// Does not judge this one. Say in the case why it cannot hold.
    pub fn skip(mut self, invariant: Invariant) -> Self {
        self.skipped.insert(invariant);
        self
    }

    pub(super) fn judges(&self, invariant: Invariant) -> bool {
        let named = self
            .only
            .as_ref()
            .is_none_or(|only| only.contains(&invariant));
        (named || invariant == Invariant::I0) && !self.skipped.contains(&invariant)
    }

    pub(super) fn demands(&self, invariant: Invariant) -> bool {
        let named = self
            .only
            .as_ref()
            .is_some_and(|only| only.contains(&invariant));
        named && !self.skipped.contains(&invariant)
    }
}
