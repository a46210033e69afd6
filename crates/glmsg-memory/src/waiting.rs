//! Waiting members of a group, and who of them watches the time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use glmsg_core::Timestamp;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Wakes waiting members of a group.
///
/// Each sleeps until the first time that it knew of when it began to wait. At least one has to know
/// of the first time there is; that one is remembered, so that nobody is woken without need when
/// others receive.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    notify: Notify,
    watch: Mutex<Option<Watch>>,
}

#[derive(Debug, Clone, Copy)]
struct Watch {
    receive: u64,
    until: Timestamp,
}

impl Waiting {
    /// Wakes one: there is something to receive, or something is due sooner than they know.
    /// Should none wait, the next one looks twice.
    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Wakes all: the group has ended.
    pub(crate) fn wake_all(&self) {
        self.notify.notify_waiters();
    }

    /// Ends when one is to look again. It counts from now, not from its first poll.
    pub(crate) fn woken(&self) -> Notified<'_> {
        self.notify.notified()
    }

    fn watch(&self) -> MutexGuard<'_, Option<Watch>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A receive goes to sleep until `next`.
    pub(crate) fn sleeps(&self, receive: u64, next: Option<Timestamp>) {
        let mut watch = self.watch();
        let until = next.unwrap_or(Timestamp::MAX);
        if watch.is_none_or(|w| w.receive == receive || until < w.until) {
            *watch = Some(Watch { receive, until });
        }
    }

    /// A receive has taken something; there is more, or something is due at `next`.
    pub(crate) fn leaves(&self, receive: u64, has_more: bool, next: Option<Timestamp>) {
        let mut watch = self.watch();
        *watch = watch.filter(|w| w.receive != receive);
        let is_watched = |next| watch.is_some_and(|w| w.until <= next);
        let wakes = has_more || next.is_some_and(|next| !is_watched(next));
        drop(watch);
        if wakes {
            self.wake();
        }
    }

    /// A receive has ended, however it did.
    pub(crate) fn ends(&self, receive: u64) {
        let mut watch = self.watch();
        if watch.is_some_and(|w| w.receive == receive) {
            *watch = None;
            drop(watch);
            self.wake();
        }
    }
}
