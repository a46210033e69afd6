//! What is counted of one topic, and of one group of a topic.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use glmsg_broker::{HandlingRecorder, Intake, Published, Received, Settled};
use glmsg_core::{DeadLetterReason, Error, ErrorKind, Timestamp};

use crate::histogram::{Histogram, Tally};

/// A number that grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: u64) {
        if n > 0 {
            self.0.fetch_add(n, Relaxed);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Why a publish was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    Rejected,
    Indeterminate,
    Error,
}

impl Refusal {
    pub(crate) const ALL: [Self; 4] =
        [Self::Full, Self::Rejected, Self::Indeterminate, Self::Error];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Rejected => "rejected",
            Self::Indeterminate => "indeterminate",
            Self::Error => "error",
        }
    }

    /// Of a publish that failed as a whole.
    pub(crate) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Full => Self::Full,
            ErrorKind::Indeterminate => Self::Indeterminate,
            _ => Self::Error,
        }
    }
}

/// What is counted of one topic.
#[derive(Debug, Default)]
pub(crate) struct TopicSeries {
    pub(crate) published: Count,
    pub(crate) duplicate: Count,
    /// In the order of [`Refusal::ALL`].
    pub(crate) refused: [Count; 4],
    pub(crate) publish: Histogram,
}

impl TopicSeries {
    /// Counts messages of one publish call.
    pub(crate) fn published(&self, outcomes: &[Published]) {
        let (mut stored, mut duplicate, mut refused) = (0, 0, [0; 4]);
        for outcome in outcomes {
            match outcome {
                Published::Stored => stored += 1,
                Published::Duplicate => duplicate += 1,
                Published::Full(_) => refused[Refusal::Full as usize] += 1,
                Published::Rejected(_) => refused[Refusal::Rejected as usize] += 1,
                Published::Indeterminate(_) => refused[Refusal::Indeterminate as usize] += 1,
            }
        }
        self.published.add(stored);
        self.duplicate.add(duplicate);
        for (count, n) in self.refused.iter().zip(refused) {
            count.add(n);
        }
    }

    pub(crate) fn refused(&self, why: Refusal, messages: u64) {
        self.refused[why as usize].add(messages);
    }
}

/// What is counted of one group of a topic.
#[derive(Debug, Default)]
pub(crate) struct GroupSeries {
    pub(crate) consumed: Count,
    pub(crate) redelivered: Count,
    pub(crate) acked: Count,
    pub(crate) failed: Count,
    pub(crate) retried: Count,
    pub(crate) released: Count,
    pub(crate) stale: Count,
    /// In the order of [`DeadLetterReason::ALL`].
    pub(crate) dead_lettered: [Count; 5],
    pub(crate) latency: Histogram,
    pub(crate) handling: Histogram,
    pub(crate) dwell: Histogram,
    pub(crate) critical: Histogram,
}

impl GroupSeries {
    /// Counts what a receive brought, at `now`.
    pub(crate) fn received(&self, intake: Intake, received: &[Received], now: Timestamp) {
        let dead = |reason: DeadLetterReason| &self.dead_lettered[reason as usize];
        let spent = intake.dead_lettered.saturating_sub(intake.undecodable);
        dead(DeadLetterReason::Expired).add(intake.expired);
        dead(DeadLetterReason::Undecodable).add(intake.undecodable);
        dead(DeadLetterReason::MaxRetries).add(spent);
        if received.is_empty() {
            return;
        }
        let mut first = 0;
        // Of a message without a schedule the two are one.
        let (mut both, mut scheduled) = (Tally::default(), None::<[Tally; 2]>);
        for received in received.iter().filter(|received| received.attempt == 1) {
            first += 1;
            let created = received.message.created_at();
            match received.message.schedule().due(created) {
                None => both.add(now.since(created)),
                Some(due) => {
                    let [latency, dwell] = scheduled.get_or_insert_default();
                    latency.add(now.since(created));
                    dwell.add(now.since(due));
                }
            }
        }
        let count = received.len() as u64;
        self.consumed.add(count);
        self.redelivered.add(count - first);
        if first > 0 {
            self.latency.add_all(&both);
            self.dwell.add_all(&both);
        }
        if let Some([latency, dwell]) = scheduled {
            self.latency.add_all(&latency);
            self.dwell.add_all(&dwell);
        }
    }

    /// Counts what came of settlements.
    pub(crate) fn settled(&self, settled: &[Settled]) {
        let (mut acked, mut failed, mut retried, mut released, mut stale) = (0, 0, 0, 0, 0);
        for outcome in settled {
            match outcome {
                Settled::Acked => acked += 1,
                Settled::Retried(_) => {
                    failed += 1;
                    retried += 1;
                }
                Settled::DeadLettered(reason) => {
                    failed += 1;
                    self.dead_lettered[*reason as usize].add(1);
                }
                Settled::Released => released += 1,
                Settled::Stale => stale += 1,
                // Renewals are not counted, and are no settlement.
                _ => {}
            }
        }
        self.acked.add(acked);
        self.failed.add(failed);
        self.retried.add(retried);
        self.released.add(released);
        self.stale.add(stale);
    }

    /// How many messages this process has done with: acked, or dead letters.
    pub(crate) fn done(&self) -> u64 {
        let dead: u64 = self.dead_lettered.iter().map(Count::get).sum();
        self.acked.get() + dead
    }
}

impl HandlingRecorder for GroupSeries {
    fn record(&self, took: &[Duration]) {
        let mut tally = Tally::default();
        took.iter().for_each(|took| tally.add(*took));
        self.handling.add_all(&tally);
    }
}
