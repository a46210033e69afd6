//! Who waits for what became of records.
//!
//! One ticket stands for all records of a call, and records of a call that follow one another in a
//! batch are counted together: a channel for each record would cost more than all else.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Failure;

/// Where a record came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The partition.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

/// What is known of the records of a call, each by the number it was put with.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Which were not stored, or may not have been.
    pub failed: Vec<(u32, Failure)>,
    /// Where the others came to stand, if that was asked for.
    pub places: Vec<(u32, Place)>,
}

/// What becomes of the records of a call.
#[derive(Debug)]
pub(super) struct Ticket {
    left: AtomicU32,
    pub(super) wants_places: AtomicBool,
    outcome: Mutex<Outcome>,
    done: Notify,
}

impl Ticket {
    /// One that ends when as many are counted down.
    pub(super) fn new(count: u32) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicU32::new(count),
            wants_places: AtomicBool::new(false),
            outcome: Mutex::default(),
            done: Notify::new(),
        })
    }

    pub(super) fn count_down(&self, by: u32) {
        if self.left.fetch_sub(by, Ordering::AcqRel) == by {
            self.done.notify_one();
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    /// Waits until it is done, or until somebody who worked for it has ended.
    pub(super) async fn news(&self) {
        self.done.notified().await;
    }

    /// Whoever worked for it has ended.
    pub(super) fn nudge(&self) {
        self.done.notify_one();
    }

    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self) -> Outcome {
        std::mem::take(&mut *self.outcome())
    }
}

/// Records of one call that stand one behind the other.
#[derive(Debug)]
struct Run {
    ticket: Arc<Ticket>,
    first: u32,
    count: u32,
}

/// Who waits for the records of a batch, in their order.
#[derive(Debug, Default)]
pub(super) struct Reports(Vec<Run>);

impl Reports {
    /// One record more.
    pub(super) fn add(&mut self, ticket: &Arc<Ticket>, index: u32) {
        if let Some(last) = self.0.last_mut()
            && Arc::ptr_eq(&last.ticket, ticket)
            && last.first + last.count == index
        {
            last.count += 1;
            return;
        }
        self.0.push(Run {
            ticket: Arc::clone(ticket),
            first: index,
            count: 1,
        });
    }

    /// They are stored, the first at this place.
    pub(super) fn stored(self, place: Place) {
        let mut offset = place.offset;
        for run in self.0 {
            if run.ticket.wants_places.load(Ordering::Relaxed) {
                let each = (0..run.count).map(|n| {
                    let offset = offset + i64::from(n);
                    (run.first + n, Place { offset, ..place })
                });
                run.ticket.outcome().places.extend(each);
            }
            offset += i64::from(run.count);
            run.ticket.count_down(run.count);
        }
    }

    /// They are not, or may not be.
    pub(super) fn failed(self, failure: &Failure) {
        for run in self.0 {
            let each = (0..run.count).map(|n| (run.first + n, failure.clone()));
            run.ticket.outcome().failed.extend(each);
            run.ticket.count_down(run.count);
        }
    }

    /// Whoever worked for them has ended.
    pub(super) fn nudge(&self) {
        self.0.iter().for_each(|run| run.ticket.nudge());
    }

    /// The first so many, and the others.
    pub(super) fn split(self, mut at: u32) -> (Self, Self) {
        let (mut front, mut back) = (Vec::new(), Vec::new());
        for run in self.0 {
            let here = run.count.min(at);
            at -= here;
            if here > 0 {
                front.push(Run {
                    ticket: Arc::clone(&run.ticket),
                    first: run.first,
                    count: here,
                });
            }
            if here < run.count {
                back.push(Run {
                    first: run.first + here,
                    count: run.count - here,
                    ticket: run.ticket,
                });
            }
        }
        (Self(front), Self(back))
    }
}
