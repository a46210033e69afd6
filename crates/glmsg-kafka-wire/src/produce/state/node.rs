//! A broker: which partitions it is to send for, and whether its task runs.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use super::{At, State};

/// A broker.
#[derive(Debug)]
pub(super) struct Node {
    /// Partitions that have something to send.
    pub(super) due: VecDeque<At>,
    /// Its task has nothing to do and wants to hear of what comes.
    pub(super) is_waiting: bool,
    bell: Arc<Notify>,
    has_task: bool,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            due: VecDeque::new(),
            // For a task there is none yet: whoever has something for it begins it.
            is_waiting: true,
            bell: Arc::default(),
            has_task: false,
        }
    }
}

impl State {
    /// Rings at a broker's task. Whether it has none, so that one is to be begun: it is taken to have
    /// one then.
    pub(in crate::produce) fn wake(&mut self, node: i32) -> bool {
        let node = self.nodes.entry(node).or_default();
        node.is_waiting = false;
        if node.has_task {
            node.bell.notify_one();
            return false;
        }
        node.has_task = true;
        true
    }

    /// A broker's task has ended. Whether there is something for it to do.
    pub(in crate::produce) fn has_ended(&mut self, node: i32) -> bool {
        let node = self.nodes.entry(node).or_default();
        // Whoever comes next begins another.
        (node.has_task, node.is_waiting) = (false, true);
        !node.due.is_empty()
    }

    /// Brokers that have something to send and nobody to do it.
    pub(in crate::produce) fn nodes_without_task(&self) -> Vec<i32> {
        let all = self.nodes.iter();
        let idle = all.filter(|(_, node)| !node.has_task && !node.due.is_empty());
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
        self.nodes.values().for_each(|node| node.bell.notify_one());
    }

    /// What a broker's task waits for, if it has nothing to do. None if it has.
    pub(in crate::produce) fn rest(&mut self, node: i32) -> Option<Arc<Notify>> {
        let node = self.nodes.entry(node).or_default();
        if !node.due.is_empty() {
            return None;
        }
        node.is_waiting = true;
        Some(Arc::clone(&node.bell))
    }

    /// The bell of a broker's task.
    pub(in crate::produce) fn bell(&mut self, node: i32) -> Arc<Notify> {
        let node = self.nodes.entry(node).or_default();
        // Whoever puts something rings.
        node.is_waiting = true;
        Arc::clone(&node.bell)
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
