//! What a consumer has done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use glmsg_core::Error;

use crate::metrics::{Handling, LatencyHistogram};
use crate::{Intake, Latency, Settled};

/// What a consumer has done since it was started, and what it is doing.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConsumerStats {
    /// Deliveries received.
    pub received: u64,
    /// Those of them that were not the message's first.
    pub redelivered: u64,
    /// Handled and acked.
    pub handled: u64,
    /// Failed attempts: errors, panics and time-outs.
    pub failed: u64,
    /// Panics among them.
    pub panicked: u64,
    /// Time-outs among them.
    pub timed_out: u64,
    /// Failed attempts that come again.
    pub retried: u64,
    /// Messages that became dead letters here.
    pub dead_lettered: u64,
    /// Dead letters among them because of their time to live.
    pub expired: u64,
    /// Given back unhandled.
    pub released: u64,
    /// Settlements that came too late: the message went to another member too.
    pub stale: u64,
    /// Being handled now.
    pub in_flight: u64,
    /// Waiting in this process now.
    pub buffered: u64,
    /// How many workers there are now.
    pub workers: u64,
    /// How long handlers ran.
    pub latency: Latency,
}

/// What a consumer did in its life.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumerReport {
    /// The final numbers.
    pub stats: ConsumerStats,
    /// Handlers that were still running when the drain's time was up. Their messages were given
    /// back.
    pub stopped: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    received: AtomicU64,
    redelivered: AtomicU64,
    handled: AtomicU64,
    failed: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) timed_out: AtomicU64,
    retried: AtomicU64,
    dead_lettered: AtomicU64,
    expired: AtomicU64,
    released: AtomicU64,
    stale: AtomicU64,
    pub(super) stopped: AtomicU64,
    latency: Mutex<LatencyHistogram>,
}

fn add(counter: &AtomicU64, n: u64) {
    if n > 0 {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

impl Counters {
    pub(super) fn intake(&self, intake: Intake, received: u64, redelivered: u64) {
        add(&self.expired, intake.expired);
        add(&self.dead_lettered, intake.expired + intake.dead_lettered);
        add(&self.received, received);
        add(&self.redelivered, redelivered);
    }

    pub(super) fn failed(&self, n: usize) {
        add(&self.failed, n as u64);
    }

    pub(super) fn settled(&self, settled: &[Settled]) {
        let count = |is: fn(&Settled) -> bool| settled.iter().filter(|s| is(s)).count() as u64;
        add(&self.handled, count(|s| matches!(s, Settled::Acked)));
        add(&self.retried, count(|s| matches!(s, Settled::Retried(_))));
        add(
            &self.dead_lettered,
            count(|s| matches!(s, Settled::DeadLettered(_))),
        );
        add(&self.released, count(|s| matches!(s, Settled::Released)));
        add(&self.stale, count(|s| matches!(s, Settled::Stale)));
    }

    pub(super) fn handling(&self, took: &[Duration], metrics: Option<&Handling>) {
        let mut latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        took.iter().for_each(|t| latency.record(*t));
        drop(latency);
        if let Some(metrics) = metrics {
            metrics.record(took);
        }
    }

    pub(super) fn snapshot(&self) -> ConsumerStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        ConsumerStats {
            received: get(&self.received),
            redelivered: get(&self.redelivered),
            handled: get(&self.handled),
            failed: get(&self.failed),
            panicked: get(&self.panicked),
            timed_out: get(&self.timed_out),
            retried: get(&self.retried),
            dead_lettered: get(&self.dead_lettered),
            expired: get(&self.expired),
            released: get(&self.released),
            stale: get(&self.stale),
            latency: latency.summary(),
            ..ConsumerStats::default()
        }
    }
}

/// How the pump ended.
pub(super) type Ending = Result<(), Error>;
