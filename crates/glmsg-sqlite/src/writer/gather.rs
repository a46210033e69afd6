//! Letting those who were just answered come back before the next transaction begins.
//!
//! After a commit its callers all ask again at the same moment. A writer that begins as soon as the
//! first is back commits for that one alone, and the others wait for two commits. So it waits until
//! as many are back as were answered, or for a moment; a single caller is not waited for longer
//! than it takes. Where nobody comes back it stops trying for a while.

use std::thread;
use std::time::{Duration, Instant};

use crate::queue::Queue;

/// How long those who were answered are waited for.
const MOMENT: Duration = Duration::from_micros(120);
/// How many rows make a single caller worth it: its next batch takes a while to make.
const MANY: usize = 16;
/// After how many vain attempts in a row there are no more than one in 2^n.
const MOST_MISSES: u32 = 8;

/// Whether waiting has been worth it.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    misses: u32,
    skip: u32,
}

impl Gathering {
    /// Waits for about as many commands as were answered.
    pub(super) fn gather(&mut self, queue: &Queue, answered: usize, weight: usize) {
        if answered < 2 && weight < MANY {
            return;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let start = Instant::now();
        loop {
            let waiting = queue.len();
            if waiting >= answered {
                self.misses = 0;
                return;
            }
            if start.elapsed() >= MOMENT {
                if waiting == 0 {
                    self.misses = (self.misses + 1).min(MOST_MISSES);
                    self.skip = 1 << self.misses;
                }
                return;
            }
            // The callers need the processor more.
            thread::yield_now();
        }
    }
}
