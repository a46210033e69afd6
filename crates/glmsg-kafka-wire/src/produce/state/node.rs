//! A broker: which partitions it is to send for, and who does it.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::{At, State};

/// How many requests a broker has under way at most, each of other partitions: while it works on one, callers
/// make the next. With one alone all of them would wait for the broker, and then the broker for them.
const LANES: usize = 2;

/// A broker.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Partitions that have something to send.
    pub(super) due: VecDeque<At>,
    lanes: [Lane; LANES],
    /// A lane is about to take what is due: nobody else need be woken for it.
    is_seen_to: bool,
    /// Where its tasks run: all on one runtime. Another one might be of a caller that leaves it.
    home: Option<Handle>,
}

/// A connection to a broker, and the task that sends by it.
#[derive(Debug)]
struct Lane {
    /// Its task has nothing to do and wants to hear of what comes.
    is_waiting: bool,
    bell: Arc<Notify>,
    has_task: bool,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            // For a task there is none yet: whoever has something for it begins it.
            is_waiting: true,
            bell: Arc::default(),
            has_task: false,
        }
    }
}

impl Node {
    /// Whether somebody is to be woken for what has become due.
    pub(super) fn is_to_wake(&self) -> bool {
        !self.is_seen_to && self.lanes.iter().any(|lane| lane.is_waiting)
    }

    /// Rings for a task that waits, if there is one.
    fn ring(&mut self) -> bool {
        let mut waiting = self.lanes.iter_mut();
        let Some(lane) = waiting.find(|lane| lane.is_waiting && lane.has_task) else {
            return false;
        };
        lane.is_waiting = false;
        lane.bell.notify_one();
        self.is_seen_to = true;
        true
    }

    /// Takes what is due. What becomes due from now on is for whoever waits.
    pub(super) fn take_due(&mut self) -> &mut VecDeque<At> {
        self.is_seen_to = false;
        &mut self.due
    }
}

impl State {
    /// Rings for a task that waits. If there is none, and there may be one more: which, and where the others run. It
    /// is to be begun, and taken to have begun.
    pub(in crate::produce) fn wake(&mut self, node: i32) -> Option<(usize, Option<Handle>)> {
        let node = self.nodes.entry(node).or_default();
        if node.is_seen_to || node.ring() {
            return None;
        }
        let lane = node.lanes.iter().position(|lane| !lane.has_task)?;
        let has_others = node.lanes.iter().any(|lane| lane.has_task);
        node.is_seen_to = true;
        node.lanes[lane].is_waiting = false;
        node.lanes[lane].has_task = true;
        Some((lane, node.home.clone().filter(|_| has_others)))
    }

    /// The tasks of a broker run here.
    pub(in crate::produce) fn settle_in(&mut self, node: i32, home: &Handle) {
        self.nodes.entry(node).or_default().home = Some(home.clone());
    }

    /// Whether a broker has something to send that nothing of is under way.
    pub(in crate::produce) fn has_due(&self, node: i32) -> bool {
        let node = self.nodes.get(&node);
        node.is_some_and(|node| !node.due.is_empty())
    }

    /// A lane's task has ended. Whether there is something to do, and nobody that does it.
    pub(in crate::produce) fn has_ended(&mut self, node: i32, lane: usize) -> bool {
        let node = self.nodes.entry(node).or_default();
        // Whoever comes next begins another, which no old ringing wakes.
        node.lanes[lane] = Lane::default();
        node.is_seen_to = false;
        !node.due.is_empty() && !node.ring()
    }

    /// Brokers that have something to send and nobody to do it.
    pub(in crate::produce) fn neglected(&self) -> Vec<i32> {
        let all = self.nodes.iter();
        let idle = all.filter(|(_, node)| !node.due.is_empty() && node.is_to_wake());
        idle.map(|(number, _)| *number).collect()
    }

    /// Has those who wait for what a broker is to be sent look for themselves.
    pub(in crate::produce) fn nudge(&self, node: i32) {
        let due = self.nodes.get(&node).into_iter().flat_map(|node| &node.due);
        let batches = due.flat_map(|at| &self.topics[at.0].partitions[at.1].queue);
        batches.for_each(|batch| batch.reports.nudge());
    }

    /// Rings everywhere.
    pub(in crate::produce) fn ring_all(&self) {
        let lanes = self.nodes.values().flat_map(|node| &node.lanes);
        lanes.for_each(|lane| lane.bell.notify_one());
    }

    /// A lane looks next at what is due.
    pub(in crate::produce) fn is_seen_to(&mut self, node: i32) {
        self.nodes.entry(node).or_default().is_seen_to = true;
    }

    /// What a lane's task waits for, if it has nothing to do. None if it has.
    pub(in crate::produce) fn rest(&mut self, node: i32, lane: usize) -> Option<Arc<Notify>> {
        if self.nodes.entry(node).or_default().due.is_empty() {
            return Some(self.bell(node, lane));
        }
        self.is_seen_to(node);
        self.nodes.entry(node).or_default().lanes[lane].is_waiting = false;
        None
    }

    /// The bell of a lane's task.
    pub(in crate::produce) fn bell(&mut self, node: i32, lane: usize) -> Arc<Notify> {
        let node = self.nodes.entry(node).or_default();
        // Whoever puts something rings.
        node.is_seen_to = false;
        node.lanes[lane].is_waiting = true;
        Arc::clone(&node.lanes[lane].bell)
    }

    /// Takes all partitions of a broker.
    pub(in crate::produce) fn drain(&mut self, node: i32) -> Vec<At> {
        let due = std::mem::take(&mut self.nodes.entry(node).or_default().due);
        for at in &due {
            self.partition(*at).is_listed = false;
        }
        due.into()
    }
}
