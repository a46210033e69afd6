//! Looking whether there is anything to fetch, without the lock for writing.
//!
//! A receive that finds nothing should cost other processes nothing: one that is stopped while it
//! holds the lock stops them all.

use std::rc::Rc;

use glmsg_core::Timestamp;

use super::fetch::Fetched;
use super::group::DUE_READY;
use super::store::Store;
use crate::error::Sql;
use crate::place::LANES;
use crate::wake::Fetch;

impl Store {
    /// Runs `look` on one state of the store. It is told whether another process has written.
    pub(super) fn glance<T>(
        &mut self,
        now: Timestamp,
        look: impl FnOnce(&mut Self, bool) -> Sql<T>,
    ) -> Sql<T> {
        let conn = Rc::clone(&self.conn);
        conn.prepare_cached("BEGIN")?.execute([])?;
        self.now = now;
        let looked = self.refresh_caches().and_then(|changed| {
            if changed {
                let mut garbage = conn.prepare_cached("SELECT 1 FROM garbage LIMIT 1")?;
                self.has_garbage = garbage.exists([])?;
            }
            look(self, changed)
        });
        conn.prepare_cached("COMMIT")?.execute([])?;
        looked
    }

    /// [`Fetched::Nothing`] if a fetch would find and change nothing; `None` if it has to be tried.
    pub(super) fn foresee(&mut self, fetch: &Fetch) -> Sql<Option<Fetched>> {
        if self.is_to_be_seen(fetch.member, fetch.lease) {
            return Ok(None);
        }
        let Some(topic) = self.load_group(fetch.group)? else {
            return Ok(None);
        };
        let (Some(group), Some(state)) = (self.groups.get(&fetch.group), self.topics.get(&topic))
        else {
            return Ok(None);
        };
        let is_new = (0..LANES).any(|lane| group.cursor[lane] < state.next[lane]);
        if is_new || state.next_due.is_some_and(|due| due <= self.now) {
            return Ok(None);
        }
        let mut due = self.conn.prepare_cached(
            "SELECT 1 FROM delivery WHERE grp = ? AND lane = ? AND (due <= ? OR due = ?) LIMIT 1",
        )?;
        for lane in 0..LANES {
            let lane = i64::try_from(lane).unwrap_or(0);
            if due.exists((fetch.group, lane, self.now.as_micros(), DUE_READY))? {
                return Ok(None);
            }
        }
        Ok(Some(Fetched::Nothing(self.next_due(fetch.group, topic)?)))
    }
}
