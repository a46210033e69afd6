//! Messages that are known to be stored and have not come yet.
//!
//! Kafka's partitions are read apart from one another, so a message that is less urgent may be here
//! before one that is more. Where it is known that such a one is on its way, because this process
//! has sent it or its partition has just been assigned, what is less urgent waits for it for a
//! moment.

use std::time::Duration;

use glmsg_core::Timestamp;

/// How long what is less urgent waits at most.
const MOMENT: Duration = Duration::from_millis(500);

#[derive(Debug)]
struct Expected {
    topic: String,
    partition: i32,
    /// The last of them.
    offset: i64,
    lane: usize,
    /// It comes back: new ones of its own lane wait for it, too.
    comes_back: bool,
    until: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Expectations(Vec<Expected>);

impl Expectations {
    pub(super) fn add(
        &mut self,
        (topic, partition): (&str, i32),
        offset: i64,
        (lane, comes_back): (usize, bool),
        now: Timestamp,
    ) {
        let until = now.after(MOMENT);
        let same = |e: &&mut Expected| {
            e.topic == topic
                && e.partition == partition
                && (e.lane, e.comes_back) == (lane, comes_back)
        };
        if let Some(expected) = self.0.iter_mut().find(same) {
            expected.offset = expected.offset.max(offset);
            expected.until = until;
            return;
        }
        self.0.push(Expected {
            topic: topic.to_owned(),
            partition,
            offset,
            lane,
            comes_back,
            until,
        });
    }

    /// A partition was read up to here.
    pub(super) fn come(&mut self, topic: &str, partition: i32, offset: i64) {
        if !self.0.is_empty() {
            self.0
                .retain(|e| e.partition != partition || e.topic != topic || e.offset > offset);
        }
    }

    /// A partition is somebody else's.
    pub(super) fn forget(&mut self, topic: &str, partition: i32) {
        self.0
            .retain(|e| e.partition != partition || e.topic != topic);
    }

    /// Forgets what does not come.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.0.retain(|e| e.until > now);
    }

    pub(super) fn next_time(&self) -> Option<Timestamp> {
        self.0.iter().map(|e| e.until).min()
    }

    /// Whether a message of this lane has to wait.
    pub(super) fn hold(&self, lane: usize, is_new: bool) -> bool {
        let is_before = |e: &Expected| e.lane > lane || (e.lane == lane && e.comes_back && is_new);
        self.0.iter().any(is_before)
    }
}
