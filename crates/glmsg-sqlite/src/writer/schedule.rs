//! Scheduled messages get their place when they are due.

use std::rc::Rc;

use glmsg_core::Timestamp;

use super::store::Store;
use super::topic::first_due;
use crate::error::Sql;
use crate::place::{LANES, seq};

/// How many get their place in one go; more follow in the next transaction.
const AT_ONCE: i64 = 10_000;

impl Store {
    /// Brings a topic to the present: what is due has its place, what is too old is gone.
    pub(super) fn tick(&mut self, topic: i64) -> Sql<()> {
        self.promote(topic)?;
        self.drop_aged(topic)
    }

    fn promote(&mut self, id: i64) -> Sql<()> {
        let conn = Rc::clone(&self.conn);
        let now = self.now;
        let Some(topic) = self.topics.get_mut(&id) else {
            return Ok(());
        };
        if topic.next_due.is_none_or(|due| due > now) {
            return Ok(());
        }
        let mut find = conn.prepare_cached(
            "SELECT due, seq, lane FROM scheduled WHERE topic = ? AND due <= ? \
             ORDER BY due, seq LIMIT ?",
        )?;
        let due = find.query_map((id, now.as_micros(), AT_ONCE), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let due: Vec<(i64, i64, i64)> = due.collect::<Sql<_>>()?;
        let mut place =
            conn.prepare_cached("UPDATE message SET seq = ?, at = ?, ord = ? WHERE seq = ?")?;
        let mut forget =
            conn.prepare_cached("DELETE FROM scheduled WHERE topic = ? AND due = ? AND seq = ?")?;
        let stored_at = topic.store_time(now);
        for (due, from, lane) in due {
            let lane = usize::try_from(lane).unwrap_or(0).min(LANES - 1);
            let to = seq(id, lane, topic.next[lane]);
            if place.execute((to, stored_at.as_micros(), topic.ord, from))? > 0 {
                topic.next[lane] += 1;
                topic.ord += 1;
            }
            forget.execute((id, due, from))?;
            topic.scheduled = topic.scheduled.saturating_sub(1);
        }
        topic.next_due = first_due(&conn, id)?;
        if topic.next_due.is_some_and(|due| due <= now) {
            self.leftovers.insert(id);
        }
        topic.is_dirty = true;
        self.woken.topics.insert(id);
        Ok(())
    }

    /// When the next scheduled message of a topic is due.
    pub(super) fn next_scheduled(&self, topic: i64) -> Option<Timestamp> {
        self.topics.get(&topic).and_then(|topic| topic.next_due)
    }
}
