//! What a topic may drop, and dropping it in small pieces.

use std::rc::Rc;

use glmsg_broker::Overflow;
use glmsg_core::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::storage::clear_log;
use super::store::Store;
use super::topic::micros;
use crate::error::Sql;
use crate::place::{LANES, number_of, seq};

/// How many old messages go in one transaction.
const AT_ONCE: usize = 500;
/// How long a member that died is kept.
const DEAD: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
/// How many rows of what was deleted are cleared away in one transaction.
const GARBAGE_AT_ONCE: i64 = 1000;

/// For each lane, the number before which every group has finished.
pub(super) type Acked = [i64; LANES];

impl Store {
    /// What every group of a topic has finished; nothing, where there is no group.
    pub(super) fn acked(&mut self, id: i64) -> Sql<Acked> {
        let groups = self.groups_of(id)?;
        let conn = Rc::clone(&self.conn);
        let Some(topic) = self.topics.get(&id) else {
            return Ok([0; LANES]);
        };
        if groups.is_empty() {
            return Ok(topic.first);
        }
        let mut until = topic.next;
        let mut held = conn.prepare_cached(
            "SELECT seq FROM delivery WHERE grp = ? AND seq >= ? AND seq < ? ORDER BY seq LIMIT 1",
        )?;
        for group in groups.iter().filter_map(|group| self.groups.get(group)) {
            for (lane, until) in until.iter_mut().enumerate() {
                *until = group.cursor[lane].min(*until);
                if *until <= topic.first[lane] {
                    continue;
                }
                let from = seq(id, lane, topic.first[lane]);
                let to = seq(id, lane, *until);
                let first = held.query_row((group.id, from, to), |row| row.get(0));
                if let Some(first) = first.optional()? {
                    *until = number_of(first);
                }
            }
        }
        Ok(until)
    }

    /// Drops acked messages older than the topic keeps them, from the front of each lane.
    pub(super) fn drop_aged(&mut self, id: i64) -> Sql<()> {
        let conn = Rc::clone(&self.conn);
        let now = self.now;
        let Some(topic) = self.topics.get_mut(&id) else {
            return Ok(());
        };
        let mut has_aged = false;
        for lane in 0..LANES {
            if topic.first[lane] >= topic.next[lane] {
                continue;
            }
            let front = match topic.front_at[lane] {
                Some(front) => front,
                None => stored_at(&conn, seq(id, lane, topic.first[lane]))?,
            };
            topic.front_at[lane] = Some(front);
            has_aged |= now.since(front) > topic.config.max_age;
        }
        if !has_aged || !std::mem::take(&mut topic.is_age_open) {
            return Ok(());
        }
        let acked = self.acked(id)?;
        let mut dropped = 0;
        for (lane, acked) in acked.into_iter().enumerate() {
            while let Some(topic) = self.topics.get_mut(&id) {
                let first = topic.first[lane];
                if first >= acked {
                    break;
                }
                let front = stored_at(&conn, seq(id, lane, first))?;
                topic.front_at[lane] = Some(front);
                if now.since(front) <= topic.config.max_age {
                    // Acked, and it ages without anybody's doing: look again when it has.
                    topic.is_age_open = true;
                    break;
                }
                if dropped == AT_ONCE {
                    topic.is_age_open = true;
                    self.leftovers.insert(id);
                    return Ok(());
                }
                self.pop(id, lane)?;
                dropped += 1;
            }
        }
        Ok(())
    }

    /// Drops messages until one more fits; `false` if it does not.
    pub(super) fn make_room(&mut self, id: i64, acked: &mut Option<Acked>) -> Sql<bool> {
        let has_room = |store: &Self| {
            let topic = store.topics.get(&id);
            topic.is_none_or(|topic| topic.len() < topic.config.max_len)
        };
        while !has_room(self) {
            let until = match acked {
                Some(until) => *until,
                None => *acked.insert(self.acked(id)?),
            };
            if let Some(lane) = self.oldest(id, |lane, first| first < until[lane])? {
                self.pop(id, lane)?;
                continue;
            }
            let overflow = self.topics.get(&id).map(|topic| topic.config.overflow);
            if overflow != Some(Overflow::DropOldest) {
                return Ok(false);
            }
            let Some(lane) = self.oldest(id, |_, _| true)? else {
                // All of them are scheduled.
                return Ok(false);
            };
            self.take_from_groups(id, lane)?;
            self.pop(id, lane)?;
            // What stood behind it may be acked.
            *acked = None;
        }
        Ok(true)
    }

    /// The lane whose front was stored first, of those that `may` lose it.
    fn oldest(&self, id: i64, may: impl Fn(usize, i64) -> bool) -> Sql<Option<usize>> {
        let Some(topic) = self.topics.get(&id) else {
            return Ok(None);
        };
        let lanes = (0..LANES).filter(|lane| topic.first[*lane] < topic.next[*lane]);
        let lanes: Vec<usize> = lanes
            .filter(|lane| may(*lane, topic.first[*lane]))
            .collect();
        if let [only] = lanes[..] {
            return Ok(Some(only));
        }
        let mut find = self
            .conn
            .prepare_cached("SELECT ord FROM message WHERE seq = ?")?;
        let mut oldest = None;
        for lane in lanes {
            let front = seq(id, lane, topic.first[lane]);
            let ord: Option<i64> = find.query_row([front], |row| row.get(0)).optional()?;
            let found = (ord.unwrap_or(-1), lane);
            oldest = Some(oldest.map_or(found, |oldest: (i64, usize)| oldest.min(found)));
        }
        Ok(oldest.map(|(_, lane)| lane))
    }

    /// Drops the front of a lane.
    fn pop(&mut self, id: i64, lane: usize) -> Sql<()> {
        if let Some(topic) = self.topics.get_mut(&id) {
            let mut delete = self
                .conn
                .prepare_cached("DELETE FROM message WHERE seq = ?")?;
            delete.execute([seq(id, lane, topic.first[lane])])?;
            topic.first[lane] += 1;
            topic.front_at[lane] = None;
            topic.is_dirty = true;
        }
        Ok(())
    }

    /// Takes the front of a lane from the groups that have not finished it.
    fn take_from_groups(&mut self, id: i64, lane: usize) -> Sql<()> {
        let Some(first) = self.topics.get(&id).map(|topic| topic.first[lane]) else {
            return Ok(());
        };
        for group in self.groups_of(id)? {
            self.finish(group, seq(id, lane, first))?;
            if let Some(group) = self.groups.get_mut(&group)
                && group.cursor[lane] <= first
            {
                group.cursor[lane] = first + 1;
                group.is_dirty = true;
            }
        }
        Ok(())
    }

    /// Drops dead letters that are too old, and members that are gone. Seldom.
    pub(super) fn drop_stale(&mut self) -> Sql<()> {
        let conn = Rc::clone(&self.conn);
        let now = self.now.as_micros();
        // Long after they stopped to be listed: a process that was only stopped goes on as before.
        conn.prepare_cached("DELETE FROM member WHERE seen_at < ? - 3 * lease - ?")?
            .execute((now, micros(DEAD)))?;
        let mut find = conn.prepare_cached(
            "SELECT grp.id, topic.dead_letter_age FROM grp JOIN topic ON topic.id = grp.topic",
        )?;
        let groups = find.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let groups: Vec<(i64, i64)> = groups.collect::<Sql<_>>()?;
        let mut delete = conn.prepare_cached(
            "DELETE FROM dead WHERE n IN (SELECT n FROM dead WHERE grp = ?1 ORDER BY n LIMIT ?2) \
             AND ?3 - dead_at > ?4",
        )?;
        for (group, age) in groups {
            let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
            delete.execute((group, most, now, age))?;
        }
        Ok(())
    }

    /// Clears away a piece of what was deleted.
    pub(super) fn clear_garbage(&mut self) -> Sql<()> {
        let conn = Rc::clone(&self.conn);
        let mut find = conn.prepare_cached("SELECT kind, id FROM garbage LIMIT 1")?;
        let found: Option<(i64, i64)> = find
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((kind, id)) = found else {
            self.has_garbage = false;
            return Ok(());
        };
        let cleared = match kind {
            0 => clear_topic(&conn, id)?,
            1 => clear_group(&conn, id)?,
            _ => clear_log(&conn, id)?,
        };
        if cleared == 0 {
            conn.prepare_cached("DELETE FROM garbage WHERE kind = ? AND id = ?")?
                .execute((kind, id))?;
        }
        Ok(())
    }
}

fn stored_at(conn: &Connection, seq: i64) -> Sql<Timestamp> {
    let mut find = conn.prepare_cached("SELECT at FROM message WHERE seq = ?")?;
    let at: Option<i64> = find.query_row([seq], |row| row.get(0)).optional()?;
    // What is not there may go.
    Ok(Timestamp::from_micros(at.unwrap_or(i64::MIN)))
}

fn clear_topic(conn: &Connection, id: i64) -> Sql<usize> {
    conn.prepare_cached("DELETE FROM scheduled WHERE topic = ?")?
        .execute([id])?;
    conn.prepare_cached(
        "DELETE FROM message WHERE seq IN \
         (SELECT seq FROM message WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?)",
    )?
    .execute((seq(id, 0, 0), seq(id + 1, 0, 0), GARBAGE_AT_ONCE))
}

fn clear_group(conn: &Connection, id: i64) -> Sql<usize> {
    conn.prepare_cached("DELETE FROM member WHERE grp = ?")?
        .execute([id])?;
    conn.prepare_cached("DELETE FROM revived WHERE grp = ?")?
        .execute([id])?;
    let deliveries = conn
        .prepare_cached(
            "DELETE FROM delivery WHERE grp = ?1 AND seq IN \
             (SELECT seq FROM delivery WHERE grp = ?1 ORDER BY seq LIMIT ?2)",
        )?
        .execute((id, GARBAGE_AT_ONCE))?;
    let dead = conn
        .prepare_cached("DELETE FROM dead WHERE n IN (SELECT n FROM dead WHERE grp = ? LIMIT ?)")?
        .execute((id, GARBAGE_AT_ONCE))?;
    Ok(deliveries + dead)
}

/// The bounds as the columns of a topic.
pub(super) fn config_columns(config: &glmsg_broker::TopicConfig) -> (i64, i64, i64, i64) {
    (
        i64::try_from(config.max_len).unwrap_or(i64::MAX),
        micros(config.max_age),
        super::topic::overflow_number(config.overflow),
        micros(config.dead_letter_age),
    )
}
