//! Calls at the same time that are served by one request.

use std::collections::BTreeSet;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use glmsg_core::{Error, Result};
use tokio::time::{Instant, timeout_at};

use crate::connection::{Connection, silent};

/// Topics that are to be asked for next, and in which round that is.
#[derive(Debug, Default)]
pub(super) struct Wanted(Mutex<(u64, BTreeSet<String>)>);

impl Wanted {
    /// Has topics asked for in the next round; returns its number.
    pub(super) fn add(&self, topics: &[impl AsRef<str>]) -> u64 {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        next.1
            .extend(topics.iter().map(|topic| topic.as_ref().to_owned()));
        next.0
    }

    /// Begins the next round; returns its number and what is to be asked for.
    pub(super) fn take(&self) -> (u64, Vec<String>) {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = next.0;
        next.0 += 1;
        (number, mem::take(&mut next.1).into_iter().collect())
    }
}

/// What one round leaves for the next, and for those that waited for it.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) connection: Option<Connection>,
    last: Option<(u64, Option<Error>)>,
}

impl Round {
    /// How the round of a number went, if it was the last and came to its end.
    pub(super) fn outcome(&self, number: u64) -> Option<Result<()>> {
        let (_, error) = self.last.as_ref().filter(|(last, _)| *last == number)?;
        Some(error.as_ref().map_or(Ok(()), |e| Err(e.duplicate())))
    }

    pub(super) fn close(&mut self, number: u64, outcome: &Result<()>) {
        let error = outcome.as_ref().err().map(Error::duplicate);
        self.last = Some((number, error));
    }
}

/// How long each broker may take, so that one that is silent leaves time for the others.
#[derive(Debug)]
pub(super) struct Pace {
    until: Instant,
    left: usize,
}

impl Pace {
    /// So many are to be tried within a time.
    pub(super) fn new(limit: Duration, count: usize) -> Self {
        Self {
            until: Instant::now() + limit,
            left: count,
        }
    }

    /// So many are still to be tried.
    pub(super) fn start_over(&mut self, count: usize) {
        self.left = count;
    }

    /// Tries one, for its share of the time.
    pub(super) async fn within<T>(&mut self, trying: impl Future<Output = Result<T>>) -> Result<T> {
        let now = Instant::now();
        let count = u32::try_from(self.left.max(1)).unwrap_or(u32::MAX);
        let share = self.until.saturating_duration_since(now) / count;
        self.left = self.left.saturating_sub(1);
        let tried = timeout_at(now + share, trying).await;
        tried.unwrap_or_else(|_| Err(silent()))
    }
}
