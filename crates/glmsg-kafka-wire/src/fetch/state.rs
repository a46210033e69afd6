//! What is assigned, and what was fetched of it and not taken.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::sync::Notify;

use super::fetched::{Fetched, What};
use super::slot::{Slot, Told};

/// A broker that leads partitions.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) number: i32,
    /// The run of the tasks that it belongs to.
    pub(super) run: u64,
    /// There is something to do for its connection.
    pub(super) wake: Notify,
    /// There is something that is not to wait for the answer to come.
    pub(super) aside: Notify,
    /// An answer is waited for. Changes with the state alone.
    pub(super) is_polling: AtomicBool,
}

impl Node {
    pub(super) fn new(number: i32, run: u64) -> Arc<Self> {
        Arc::new(Self {
            number,
            run,
            wake: Notify::new(),
            aside: Notify::new(),
            is_polling: AtomicBool::new(false),
        })
    }

    /// There is something new to read.
    pub(super) fn rouse(&self) {
        match self.is_polling.load(Relaxed) {
            true => self.aside.notify_one(),
            false => self.wake.notify_one(),
        }
    }
}

/// What is assigned, and what was fetched of it and not taken.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) slots: HashMap<u64, Slot>,
    pub(super) index: HashMap<Arc<str>, HashMap<i32, u64>>,
    /// Those that something can be taken of.
    line: VecDeque<u64>,
    /// Brokers with a task.
    pub(super) nodes: HashMap<i32, Arc<Node>>,
    /// The last number that was given to an assignment.
    last: u64,
    /// Counts answers.
    pub(super) served: u64,
    /// How many bytes wait to be taken, those of paused partitions aside.
    buffered: usize,
    /// How many bytes came and were not looked at.
    arriving: usize,
    /// Somebody waits for room.
    pub(super) is_full: bool,
    /// The tasks, by the number of their run.
    pub(super) run: u64,
    pub(super) is_running: bool,
}

impl State {
    pub(super) fn next_generation(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(super) fn find(&self, topic: &str, partition: i32) -> Option<&Slot> {
        let generation = self.index.get(topic)?.get(&partition)?;
        self.slots.get(generation)
    }

    pub(super) fn insert(&mut self, slot: Slot) {
        self.remove(&slot.topic, slot.partition);
        let partitions = self.index.entry(Arc::clone(&slot.topic)).or_default();
        partitions.insert(slot.partition, slot.generation);
        self.slots.insert(slot.generation, slot);
    }

    pub(super) fn remove(&mut self, topic: &str, partition: i32) -> Option<Slot> {
        let partitions = self.index.get_mut(topic)?;
        let generation = partitions.remove(&partition)?;
        if partitions.is_empty() {
            self.index.remove(topic);
        }
        let slot = self.slots.remove(&generation)?;
        if !slot.is_paused {
            self.buffered -= slot.bytes;
        }
        Some(slot)
    }

    /// Pauses a partition or lets it go on. Returns its number if that is a change.
    pub(super) fn pause(&mut self, topic: &str, partition: i32, is_paused: bool) -> Option<u64> {
        let generation = *self.index.get(topic)?.get(&partition)?;
        let slot = self.slots.get_mut(&generation)?;
        if slot.is_paused == is_paused {
            return None;
        }
        slot.is_paused = is_paused;
        slot.is_fresh = true;
        if is_paused {
            self.buffered -= slot.bytes;
            return Some(generation);
        }
        self.buffered += slot.bytes;
        if !slot.in_line && !slot.queue.is_empty() {
            slot.in_line = true;
            self.line.push_back(generation);
        }
        Some(generation)
    }

    /// Puts something where it is taken from.
    pub(super) fn put(&mut self, generation: u64, what: What, bytes: usize) {
        let Some(slot) = self.slots.get_mut(&generation) else {
            return;
        };
        slot.queue.push_back((what, bytes));
        slot.bytes += bytes;
        if slot.is_paused {
            return;
        }
        self.buffered += bytes;
        if !slot.in_line {
            slot.in_line = true;
            self.line.push_back(generation);
        }
    }

    /// Tells of something, unless that was the last thing told of the partition.
    pub(super) fn tell(&mut self, generation: u64, told: Told, what: What) {
        let slot = self.slots.get_mut(&generation);
        if let Some(slot) = slot.filter(|slot| slot.told != Some(told)) {
            slot.told = Some(told);
            self.put(generation, what, 0);
        }
    }

    /// Takes what is next. Who was taken from goes to the end of the line.
    pub(super) fn take(&mut self) -> Option<Fetched> {
        while let Some(generation) = self.line.pop_front() {
            let Some(slot) = self.slots.get_mut(&generation) else {
                continue;
            };
            slot.in_line = false;
            if slot.is_paused {
                continue;
            }
            let Some((what, bytes)) = slot.queue.pop_front() else {
                continue;
            };
            slot.bytes -= bytes;
            self.buffered -= bytes;
            if !slot.queue.is_empty() {
                slot.in_line = true;
                self.line.push_back(generation);
            }
            return Some(slot.fetched(what));
        }
        None
    }

    /// Whether something can be taken, paused partitions aside.
    pub(super) fn has_more(&self) -> bool {
        !self.line.is_empty()
    }

    /// Whether it is to be found out who leads the partitions of a broker.
    pub(super) fn is_doubted(&self, node: &Node) -> bool {
        let mut led = self.slots.values();
        led.any(|slot| slot.in_doubt && slot.leader == Some(node.number))
    }

    pub(super) fn arrive(&mut self, bytes: usize) {
        self.arriving += bytes;
    }

    pub(super) fn arrived(&mut self, bytes: usize) {
        self.arriving -= bytes;
    }

    /// How many more bytes may come; none until a good part of the room is free again, so that what
    /// is asked for is worth it.
    pub(super) fn room(&self, most: usize) -> Option<usize> {
        let held = self.buffered + self.arriving;
        (held == 0 || held <= most - most / 4).then(|| most.saturating_sub(held))
    }

    /// Tasks begin, where none are: what was under way is lost. Returns the number of their run.
    pub(super) fn begin(&mut self) -> u64 {
        self.run += 1;
        self.is_running = true;
        self.arriving = 0;
        self.nodes.clear();
        self.slots.values_mut().for_each(Slot::begin_anew);
        self.run
    }
}
