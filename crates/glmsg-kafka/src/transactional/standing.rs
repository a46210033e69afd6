//! How far the group is in a partition, and how often what stands behind that was delivered.
//!
//! The numbers stand beside the committed offset, in the form that [`marks`] has. Who hands a message
//! out has them told before where it may matter: among the first messages of a partition that it
//! takes over, and of those that were delivered before. So a message that kills its process is counted.

use std::collections::BTreeMap;
use std::iter::repeat_n;

use crate::connection::Committed;
use crate::marks::{self, Mark};

/// So far from where a member begins it tells of what it delivers: one of these may have ended the
/// member before it.
const CAREFUL: i64 = 1000;
/// The most deliveries that can be told of.
const MOST: u32 = 24;
/// Further ahead than this no member tells of anything.
const FAR: i64 = 1 << 20;

/// A partition of the group that this member has.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// What is committed: where the group goes on.
    low: i64,
    careful_until: i64,
    counts: BTreeMap<i64, Count>,
    /// What the cluster has is known.
    is_known: bool,
}

/// How often a message was delivered.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    /// By members that did not come to say how it went.
    before: u32,
    /// Here, and it failed.
    failed: u32,
    /// What is told beside the offset.
    told: u32,
}

impl Count {
    fn ended(self) -> u32 {
        self.before + self.failed
    }
}

impl Standing {
    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    pub(super) fn low(&self) -> i64 {
        self.low
    }

    /// Whether deliveries are told of, whatever they are.
    pub(super) fn is_careful(&self) -> bool {
        self.low < self.careful_until
    }

    /// The partition may have gone to others and come back, or the outcome of a commit is not known.
    pub(super) fn doubt(&mut self) {
        self.is_known = false;
    }

    /// Takes what is committed. Where nothing is, the group goes on with `first`, the first message
    /// that is there.
    pub(super) fn learn(&mut self, committed: Option<&Committed>, first: i64) {
        self.low = committed.map_or(first, |committed| committed.offset);
        self.careful_until = self.low.saturating_add(CAREFUL);
        self.is_known = true;
        self.counts = self.counts.split_off(&self.low);
        let found = committed.map(|it| marks::read(it.offset, &it.metadata));
        let found = found.unwrap_or_default();
        for (offset, mark) in &found {
            if let Mark::Delivered(times) | Mark::Waiting(times) = mark {
                let count = self.counts.entry(*offset).or_default();
                // More than this member has told of: others have had it.
                if *times > count.told {
                    *count = Count {
                        before: *times,
                        ..Count::default()
                    };
                }
                count.told = *times;
            }
        }
        for (offset, count) in &mut self.counts {
            if !found.contains_key(offset) {
                count.told = 0;
            }
        }
    }

    /// How often others have had a message and did not come to say how it went.
    pub(super) fn before(&self, offset: i64) -> u32 {
        self.counts.get(&offset).map_or(0, |count| count.before)
    }

    /// How many deliveries of a message have ended, and not well.
    pub(super) fn ended(&self, offset: i64) -> u32 {
        self.counts.get(&offset).map_or(0, |count| count.ended())
    }

    /// Whether the next delivery of a message is to be told of before it is made.
    pub(super) fn must_tell(&self, offset: i64) -> bool {
        let count = self.counts.get(&offset).copied().unwrap_or_default();
        let may_matter = self.is_careful() || count.ended() > 0;
        may_matter && count.told < (count.ended() + 1).min(MOST)
    }

    /// The next delivery of a message is told of.
    pub(super) fn tell(&mut self, offset: i64) {
        let count = self.counts.entry(offset).or_default();
        count.told = (count.ended() + 1).min(MOST);
    }

    /// It is not told of, after all.
    pub(super) fn untell(&mut self, offset: i64) {
        if let Some(count) = self.counts.get_mut(&offset) {
            count.told = count.ended().min(MOST);
        }
    }

    /// Has all told as if what was delivered and not done had not been, but for what failed. Tells
    /// whether that is another thing than what is told.
    pub(super) fn take_back(&mut self) -> bool {
        let mut has_changed = false;
        for count in self.counts.values_mut() {
            let told = count.ended().min(MOST);
            has_changed |= count.told != told;
            count.told = told;
        }
        has_changed
    }

    /// Handling a message has failed.
    pub(super) fn fail(&mut self, offset: i64) {
        self.counts.entry(offset).or_default().failed += 1;
    }

    /// The group goes on with `next`.
    pub(super) fn advance(&mut self, next: i64) {
        self.low = next;
        self.counts = self.counts.split_off(&next);
    }

    /// What is told beside the offset `next`.
    pub(super) fn metadata(&self, next: i64) -> String {
        let mut at = next;
        let told = self
            .counts
            .range(next..)
            .filter(|(_, count)| count.told > 0);
        let near = told.take_while(|(offset, _)| **offset - next < FAR);
        let marks = near.flat_map(|(offset, count)| {
            let gap = usize::try_from(offset - at).unwrap_or(0);
            at = offset + 1;
            repeat_n(Mark::Delivered(0), gap).chain([Mark::Delivered(count.told)])
        });
        marks::write(marks, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64, metadata: &str) -> Committed {
        Committed {
            offset,
            metadata: metadata.to_owned(),
        }
    }

    fn standing(offset: i64, metadata: &str) -> Standing {
        let mut standing = Standing::default();
        standing.learn(Some(&at(offset, metadata)), 0);
        standing
    }

    #[test]
    fn what_is_told_is_known_to_who_goes_on() {
        let mut first = standing(10, "");
        for offset in [10, 11, 15] {
            assert!(first.must_tell(offset));
            first.tell(offset);
            assert!(!first.must_tell(offset), "it is told of");
        }
        let mut second = standing(10, &first.metadata(10));
        let before = [10, 11, 12, 15].map(|offset| second.before(offset));
        assert_eq!(before, [1, 1, 0, 1]);
        second.tell(11);
        second.advance(11);
        let third = standing(11, &second.metadata(11));
        assert_eq!((third.before(10), third.before(11)), (0, 2));
        assert_eq!(third.before(15), 1, "it is told on until it is done");
    }

    #[test]
    fn where_it_cannot_matter_nothing_is_told() {
        let mut standing = standing(0, "");
        standing.advance(CAREFUL);
        assert!(!standing.must_tell(CAREFUL));
        standing.fail(CAREFUL);
        assert!(standing.must_tell(CAREFUL), "it was delivered before");
        standing.tell(CAREFUL);
        assert_eq!(standing.metadata(CAREFUL), "gm1:c");
    }

    #[test]
    fn a_member_knows_what_it_told_itself() {
        let mut standing = standing(0, "");
        standing.tell(3);
        standing.doubt();
        standing.learn(Some(&at(0, "gm1:3ab")), 0);
        assert_eq!(standing.before(3), 0);
        assert!(!standing.must_tell(3));
        standing.doubt();
        standing.learn(Some(&at(0, "gm1:3ac")), 0);
        assert_eq!(standing.before(3), 2, "another has had it");
        standing.doubt();
        standing.learn(Some(&at(0, "")), 0);
        assert!(standing.must_tell(3), "it is not told of any more");
    }

    #[test]
    fn what_ends_in_order_is_not_counted() {
        let mut standing = standing(0, "gm1:b");
        (0..3).for_each(|offset| standing.tell(offset));
        standing.fail(1);
        assert!(standing.take_back());
        assert_eq!(standing.metadata(0), "gm1:2b");
        assert!(!standing.take_back());
    }

    #[test]
    fn a_group_that_has_committed_nothing_begins_with_the_first() {
        let mut standing = Standing::default();
        standing.learn(None, 7);
        assert_eq!(standing.low(), 7);
        standing.tell(7);
        assert_eq!(standing.metadata(7), "gm1:b");
    }
}
