//! Who is subscribed to a group.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use glmsg_core::{MemberName, Timestamp};

/// One member: all its subscriptions of one name.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: u32,
    pub(crate) name: MemberName,
    seen_at: AtomicI64,
    receiving: AtomicU32,
}

impl Member {
    pub(crate) fn seen(&self, now: Timestamp) {
        self.seen_at.store(now.as_micros(), Ordering::Relaxed);
    }

    pub(crate) fn starts_receiving(&self) {
        self.receiving.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ends_receiving(&self) {
        self.receiving.fetch_sub(1, Ordering::Relaxed);
    }

    /// When it was last seen: now, if it waits for messages.
    pub(crate) fn seen_at(&self, now: Timestamp) -> Timestamp {
        if self.receiving.load(Ordering::Relaxed) > 0 {
            return now;
        }
        Timestamp::from_micros(self.seen_at.load(Ordering::Relaxed))
    }
}

/// The members of a group.
#[derive(Debug, Default)]
pub(crate) struct Members {
    last: u32,
    joined: Vec<(Arc<Member>, usize)>,
}

impl Members {
    pub(crate) fn join(&mut self, name: &MemberName, now: Timestamp) -> Arc<Member> {
        if let Some((member, subscriptions)) = self.joined.iter_mut().find(|(m, _)| m.name == *name)
        {
            *subscriptions += 1;
            member.seen(now);
            return member.clone();
        }
        self.last = self.last.wrapping_add(1);
        let member = Arc::new(Member {
            id: self.last,
            name: name.clone(),
            seen_at: AtomicI64::new(now.as_micros()),
            receiving: AtomicU32::new(0),
        });
        self.joined.push((member.clone(), 1));
        member
    }

    pub(crate) fn leave(&mut self, id: u32) {
        if let Some(at) = self.joined.iter().position(|(m, _)| m.id == id) {
            self.joined[at].1 -= 1;
            if self.joined[at].1 == 0 {
                self.joined.swap_remove(at);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.joined.iter().map(|(member, _)| &**member)
    }
}
