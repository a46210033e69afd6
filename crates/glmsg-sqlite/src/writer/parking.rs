//! The fetches that wait, and when they are looked at again.

use std::collections::BTreeMap;

use glmsg_core::{Error, Timestamp};

use super::fetch::Fetched;
use super::store::Store;
use crate::error::Sql;
use crate::queue::{Command, Queue, silent};
use crate::wake::{Batch, Fetch, Parked};

/// Fetches that wait, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Lot {
    parked: Vec<Parked>,
    /// What the running transaction has for some of them.
    found: Vec<(Parked, Outcome)>,
    /// The one whose fetch failed.
    culprit: Option<Parked>,
}

#[derive(Debug)]
enum Outcome {
    Batch(Batch),
    Gone,
}

impl Parked {
    /// Looks for something; it was taken on.
    fn look(&self, store: &mut Store) -> Sql<Fetched> {
        let fetched = store.fetch(&self.fetch)?;
        let is_nothing = matches!(fetched, Fetched::Nothing(_));
        if is_nothing && !self.fetch.interest.put_back() {
            return Ok(Fetched::Withdrawn);
        }
        Ok(fetched)
    }

    /// There is nothing for it, before `due` at least.
    fn rest(&mut self, now: Timestamp, due: Option<Timestamp>) {
        self.is_fresh = false;
        // Now and then a member that waits is to be seen.
        let seen = now.after(self.fetch.lease / 2);
        self.next_due = Some(due.map_or(seen, |due| due.min(seen)));
    }

    fn see(&self, store: &mut Store) -> Sql<()> {
        store.see(self.fetch.member, self.fetch.lease)
    }
}

impl Lot {
    pub(super) fn park(&mut self, fetch: Fetch) {
        self.parked.push(Parked {
            fetch,
            is_fresh: true,
            next_due: None,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }

    pub(super) fn has_fresh(&self) -> bool {
        self.parked.iter().any(|parked| parked.is_fresh)
    }

    pub(super) fn is_all_fresh(&self) -> bool {
        self.parked.iter().all(|parked| parked.is_fresh)
    }

    /// All are to look again.
    pub(super) fn refresh_all(&mut self) {
        for parked in &mut self.parked {
            parked.is_fresh = true;
        }
    }

    /// Those whose time has come are to look again. Those who have given up go.
    pub(super) fn refresh_due(&mut self, now: Timestamp) {
        self.parked
            .retain(|parked| !parked.fetch.interest.is_void());
        for parked in &mut self.parked {
            parked.is_fresh |= parked.next_due.is_some_and(|due| due <= now);
        }
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.parked
            .iter()
            .filter_map(|parked| parked.next_due)
            .min()
    }

    /// Sorts out those that would find nothing, without the lock for writing. `true` if another
    /// process has written.
    pub(super) fn glance(&mut self, store: &mut Store, now: Timestamp) -> bool {
        if !self.has_fresh() {
            return false;
        }
        let looked = store.glance(now, |store, changed| {
            if changed {
                self.refresh_all();
            }
            for parked in self.parked.iter_mut().filter(|parked| parked.is_fresh) {
                if let Some(Fetched::Nothing(due)) = store.foresee(&parked.fetch)? {
                    parked.rest(store.now, due);
                }
            }
            Ok(changed)
        });
        // What fails here fails again, and is answered, when it is done in earnest.
        looked.unwrap_or_else(|error| {
            tracing::debug!(%error, "looking ahead failed");
            self.refresh_all();
            false
        })
    }

    /// Looks for something for those that may find something now.
    pub(super) fn look(&mut self, store: &mut Store) -> Sql<()> {
        loop {
            let woken = std::mem::take(&mut store.woken);
            for parked in &mut self.parked {
                let fetch = &parked.fetch;
                parked.is_fresh |=
                    woken.topics.contains(&fetch.topic) || woken.groups.contains(&fetch.group);
            }
            if !self.has_fresh() {
                return Ok(());
            }
            // What one of them does may wake others: what it promoted, or whose turn it passed on.
            self.look_once(store)?;
        }
    }

    fn look_once(&mut self, store: &mut Store) -> Sql<()> {
        let mut emptied: BTreeMap<i64, Option<Timestamp>> = BTreeMap::new();
        let mut waiting = Vec::with_capacity(self.parked.len());
        let mut all = std::mem::take(&mut self.parked).into_iter();
        while let Some(mut parked) = all.next() {
            if !parked.is_fresh {
                waiting.push(parked);
                continue;
            }
            let outcome = match emptied.get(&parked.fetch.group) {
                // The first of its group to find nothing has looked for all of them.
                Some(due) => parked.see(store).map(|()| Fetched::Nothing(*due)),
                None if !parked.fetch.interest.take_on() => continue,
                None => parked.look(store),
            };
            match outcome {
                Ok(Fetched::Nothing(due)) => {
                    emptied.insert(parked.fetch.group, due);
                    parked.rest(store.now, due);
                    waiting.push(parked);
                }
                Ok(Fetched::Withdrawn) => {}
                Ok(Fetched::Gone) => self.found.push((parked, Outcome::Gone)),
                Ok(Fetched::Some(batch)) => {
                    // For those who wait it comes back then, unless it is settled.
                    let deadline = batch.at.after(parked.fetch.lease);
                    let group = parked.fetch.group;
                    for other in waiting.iter_mut().filter(|p| p.fetch.group == group) {
                        let due = other.next_due.map_or(deadline, |due| due.min(deadline));
                        other.next_due = Some(due);
                    }
                    self.found.push((parked, Outcome::Batch(batch)));
                }
                Err(error) => {
                    self.culprit = Some(parked);
                    self.parked = waiting;
                    self.parked.extend(all);
                    return Err(error);
                }
            }
        }
        self.parked = waiting;
        Ok(())
    }

    /// The transaction failed because of a fetch: that one gets the error.
    pub(super) fn fail_culprit(&mut self, error: &Error) {
        fail(self.culprit.take().into_iter().collect(), error);
    }

    /// The transaction is committed: those who waited get what there is.
    pub(super) fn hand_out(&mut self, queue: &Queue) {
        for (parked, outcome) in self.found.drain(..) {
            let group = parked.fetch.group;
            let answer = match outcome {
                Outcome::Batch(batch) => Ok(batch),
                Outcome::Gone => Err(gone()),
            };
            if let Err(Ok(batch)) = parked.fetch.reply.send(answer) {
                // Nobody is there any more to take it.
                let tokens: Vec<_> = batch.raws.iter().map(|raw| raw.token).collect();
                let job = silent(move |store| store.release(group, &tokens).map(drop));
                // Closing: the leases run out.
                let _ = queue.push(Command::Job(job));
            }
        }
    }

    /// The transaction is taken back: they wait on.
    pub(super) fn take_back(&mut self) {
        for (mut parked, _) in self.found.drain(..) {
            if parked.fetch.interest.put_back() {
                parked.is_fresh = true;
                self.parked.push(parked);
            }
        }
    }

    /// Those who were to be looked at get the error.
    pub(super) fn fail_fresh(&mut self, error: &Error) {
        let (fresh, rest) = std::mem::take(&mut self.parked)
            .into_iter()
            .partition(|parked| parked.is_fresh);
        self.parked = rest;
        fail(fresh, error);
    }

    pub(super) fn fail_all(&mut self, error: &Error) {
        fail(std::mem::take(&mut self.parked), error);
    }
}

fn fail(parked: Vec<Parked>, error: &Error) {
    for parked in parked {
        // Nobody may be waiting any more.
        let _ = parked.fetch.reply.send(Err(error.duplicate()));
    }
}

fn gone() -> Error {
    Error::new(
        glmsg_core::ErrorKind::NotFound,
        "the topic or group was deleted",
    )
}
