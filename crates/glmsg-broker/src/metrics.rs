//! Counters and latencies of a broker, as this process saw them.

mod handling;
mod latency;
mod window;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use handling::{Handling, HandlingObserver, HandlingRecorder};
pub use latency::Latency;
pub(crate) use latency::LatencyHistogram;

use glmsg_core::{DeadLetterReason, GroupName, Message, Timestamp, TopicName};
use window::Window;

use crate::{Intake, Published, Received, Settled};

/// Counters and latencies of a broker, as this process saw them. A clone shows the same numbers.
///
/// [`MetricsLayer`](crate::MetricsLayer) fills it for any broker; `connect` of the facade applies
/// that layer. Recording costs a few atomic additions a batch, and one histogram entry a message.
#[derive(Debug, Clone)]
pub struct BrokerMetrics(Arc<Inner>, Vec<Arc<dyn HandlingObserver>>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    counters: [AtomicU64; Counter::COUNT],
    published_window: Window,
    consumed_window: Window,
    publish_latency: Mutex<LatencyHistogram>,
    delivery_latency: Mutex<LatencyHistogram>,
    handling_latency: Mutex<LatencyHistogram>,
}

#[derive(Clone, Copy)]
enum Counter {
    Published,
    Duplicates,
    Refused,
    Consumed,
    Redelivered,
    Acked,
    Failed,
    Retried,
    Released,
    Stale,
    Expired,
    DeadLettered,
}

impl Counter {
    const COUNT: usize = Self::DeadLettered as usize + 1;
}

/// What [`BrokerMetrics`] showed at one moment. Counts are of messages since the broker was
/// connected, in this process.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricsSnapshot {
    /// Stored by a publish.
    pub published: u64,
    /// Published again and stored once.
    pub duplicates: u64,
    /// Published and not known to be stored: full, rejected or indeterminate.
    pub refused: u64,
    /// Deliveries received.
    pub consumed: u64,
    /// Deliveries of those that were not the message's first.
    pub redelivered: u64,
    /// Acked.
    pub acked: u64,
    /// Attempts given back as failed.
    pub failed: u64,
    /// Failed attempts that come again.
    pub retried: u64,
    /// Given back unhandled.
    pub released: u64,
    /// Settlements that came too late.
    pub stale: u64,
    /// Dead letters because of their time to live. Also part of `dead_lettered`.
    pub expired: u64,
    /// Dead letters, whatever the reason.
    pub dead_lettered: u64,
    /// Messages published a second, over the last ten seconds.
    pub publish_rate: f64,
    /// Deliveries received a second, over the last ten seconds.
    pub consume_rate: f64,
    /// How long publish calls took.
    pub publish_latency: Latency,
    /// From a message's creation to its first delivery. Clocks of two machines may differ.
    pub delivery_latency: Latency,
    /// How long handlers ran.
    pub handling_latency: Latency,
    /// Since the broker was connected.
    pub uptime: Duration,
}

impl Default for BrokerMetrics {
    fn default() -> Self {
        let inner = Inner {
            started: Instant::now(),
            counters: std::array::from_fn(|_| AtomicU64::new(0)),
            published_window: Window::default(),
            consumed_window: Window::default(),
            publish_latency: Mutex::default(),
            delivery_latency: Mutex::default(),
            handling_latency: Mutex::default(),
        };
        Self(Arc::new(inner), Vec::new())
    }
}

impl BrokerMetrics {
    /// The same numbers, of which `observer` is told too how long handlers ran. For a layer that
    /// keeps metrics of its own: it gives what this returns as its
    /// [`metrics`](crate::Backend::metrics).
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn HandlingObserver>) -> Self {
        self.1.push(observer);
        self
    }

    /// These numbers, told to the observers of `other` too.
    pub(crate) fn observed_as(mut self, other: Option<Self>) -> Self {
        self.1.extend(other.into_iter().flat_map(|other| other.1));
        self
    }

    /// Where a consumer of `topic` in `group` records how long its handlers ran. A
    /// [`Consumer`](crate::Consumer) does so by itself; this is for a loop that receives and settles
    /// by hand, which asks for it once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use glmsg_broker::BrokerMetrics;
    ///
    /// let metrics = BrokerMetrics::default();
    /// let handling = metrics.handling(&"orders".try_into()?, &"billing".try_into()?);
    /// handling.record(&[Duration::from_millis(20)]);
    /// assert_eq!(metrics.snapshot().handling_latency.count, 1);
    /// # Ok::<(), glmsg_core::Error>(())
    /// ```
    pub fn handling(&self, topic: &TopicName, group: &GroupName) -> Handling {
        let recorders = self
            .1
            .iter()
            .map(|observer| observer.recorder(topic, group));
        let recorders = recorders.collect();
        Handling::new(self.clone(), recorders)
    }

    fn add(&self, counter: Counter, n: u64) {
        if n > 0 {
            self.0.counters[counter as usize].fetch_add(n, Ordering::Relaxed);
        }
    }

    fn get(&self, counter: Counter) -> u64 {
        self.0.counters[counter as usize].load(Ordering::Relaxed)
    }

    /// Counts a publish call that took `took`.
    pub fn record_publish(&self, outcomes: &[Published], took: Duration) {
        let (mut stored, mut duplicates, mut refused) = (0, 0, 0);
        for outcome in outcomes {
            match outcome {
                Published::Stored => stored += 1,
                Published::Duplicate => duplicates += 1,
                _ => refused += 1,
            }
        }
        self.add(Counter::Published, stored);
        self.add(Counter::Duplicates, duplicates);
        self.add(Counter::Refused, refused);
        self.0
            .published_window
            .add(self.0.started.elapsed(), stored);
        locked(&self.0.publish_latency).record(took);
    }

    /// Counts a publish call that failed as a whole.
    pub fn record_publish_error(&self, messages: &[Message]) {
        self.add(Counter::Refused, messages.len() as u64);
    }

    /// Counts what a receive brought, at `now`.
    pub fn record_intake(&self, intake: Intake, received: &[Received], now: Timestamp) {
        self.add(Counter::Expired, intake.expired);
        self.add(Counter::DeadLettered, intake.expired + intake.dead_lettered);
        if received.is_empty() {
            return;
        }
        let count = received.len() as u64;
        self.add(Counter::Consumed, count);
        self.0.consumed_window.add(self.0.started.elapsed(), count);
        let mut first = 0;
        let mut latency = locked(&self.0.delivery_latency);
        for received in received.iter().filter(|r| r.attempt == 1) {
            first += 1;
            latency.record(now.since(received.message.created_at()));
        }
        drop(latency);
        self.add(Counter::Redelivered, count - first);
    }

    /// Counts settlements.
    pub fn record_settled(&self, settled: &[Settled]) {
        let mut counts = [0_u64; Counter::COUNT];
        let mut count = |counter: Counter| counts[counter as usize] += 1;
        for outcome in settled {
            match outcome {
                Settled::Acked => count(Counter::Acked),
                Settled::Retried(_) => {
                    count(Counter::Failed);
                    count(Counter::Retried);
                }
                Settled::DeadLettered(reason) => {
                    count(Counter::Failed);
                    count(Counter::DeadLettered);
                    if *reason == DeadLetterReason::Expired {
                        count(Counter::Expired);
                    }
                }
                Settled::Released => count(Counter::Released),
                Settled::Extended(_) => {}
                Settled::Stale => count(Counter::Stale),
            }
        }
        for (counter, n) in self.0.counters.iter().zip(counts) {
            if n > 0 {
                counter.fetch_add(n, Ordering::Relaxed);
            }
        }
    }

    /// Counts how long handlers ran.
    pub fn record_handling(&self, took: &[Duration]) {
        let mut latency = locked(&self.0.handling_latency);
        took.iter().for_each(|t| latency.record(*t));
    }

    /// The numbers now.
    pub fn snapshot(&self) -> MetricsSnapshot {
        let uptime = self.0.started.elapsed();
        MetricsSnapshot {
            published: self.get(Counter::Published),
            duplicates: self.get(Counter::Duplicates),
            refused: self.get(Counter::Refused),
            consumed: self.get(Counter::Consumed),
            redelivered: self.get(Counter::Redelivered),
            acked: self.get(Counter::Acked),
            failed: self.get(Counter::Failed),
            retried: self.get(Counter::Retried),
            released: self.get(Counter::Released),
            stale: self.get(Counter::Stale),
            expired: self.get(Counter::Expired),
            dead_lettered: self.get(Counter::DeadLettered),
            publish_rate: self.0.published_window.rate(uptime),
            consume_rate: self.0.consumed_window.rate(uptime),
            publish_latency: locked(&self.0.publish_latency).summary(),
            delivery_latency: locked(&self.0.delivery_latency).summary(),
            handling_latency: locked(&self.0.handling_latency).summary(),
            uptime,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
