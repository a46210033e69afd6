//! Giving dead letters back, and deleting them.

use std::rc::Rc;

use bytes::Bytes;
use glmsg_broker::DeadLetterSelector;
use glmsg_core::{GroupName, TopicName};

use super::group::{BLOCKED_WAITING, DUE_BLOCKED, WAITING};
use super::keys;
use super::store::Store;
use super::topic::micros;
use crate::encode::decode;
use crate::error::{Outcome, Sql};
use crate::place::lane_of;

/// A dead letter to be given back.
struct Letter {
    n: i64,
    seq: i64,
    id: Vec<u8>,
    at: i64,
    key: Option<String>,
    body: Bytes,
}

impl Store {
    /// The numbers of the dead letters that are meant, oldest first.
    fn dead_numbers(&self, group: i64, age: i64, which: &DeadLetterSelector) -> Sql<Vec<i64>> {
        let now = self.now.as_micros();
        let collect = |sql: &str, params: &[&dyn rusqlite::ToSql]| -> Sql<Vec<i64>> {
            let mut find = self.conn.prepare_cached(sql)?;
            let found = find.query_map(params, |row| row.get(0))?;
            found.collect()
        };
        match which {
            DeadLetterSelector::All => collect(
                "SELECT n FROM dead WHERE grp = ?1 AND ?2 - dead_at <= ?3 ORDER BY n",
                &[&group, &now, &age],
            ),
            DeadLetterSelector::Reason(reason) => collect(
                "SELECT n FROM dead WHERE grp = ?1 AND ?2 - dead_at <= ?3 AND reason = ?4 \
                 ORDER BY n",
                &[&group, &now, &age, &(*reason as u8)],
            ),
            DeadLetterSelector::Ids(ids) => {
                let mut numbers = Vec::new();
                for id in ids {
                    numbers.extend(collect(
                        "SELECT n FROM dead WHERE grp = ?1 AND ?2 - dead_at <= ?3 AND id = ?4",
                        &[&group, &now, &age, id.as_bytes()],
                    )?);
                }
                numbers.sort_unstable();
                numbers.dedup();
                Ok(numbers)
            }
        }
    }

    fn dead_of(
        &mut self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Outcome<(i64, Vec<i64>)> {
        let id = self.group_named(topic, group)?;
        let topic = self.topic_named(topic)?;
        self.tick(topic)?;
        let age = self.topics.get(&topic).map(|t| t.config.dead_letter_age);
        let age = age.map_or(i64::MAX, micros);
        Ok((id, self.dead_numbers(id, age, which)?))
    }

    /// Deletes dead letters.
    pub(crate) fn purge(
        &mut self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Outcome<u64> {
        let (_, numbers) = self.dead_of(topic, group, which)?;
        let mut delete = self.conn.prepare_cached("DELETE FROM dead WHERE n = ?")?;
        for n in &numbers {
            delete.execute([n])?;
        }
        Ok(numbers.len() as u64)
    }

    /// Gives dead letters back to their group.
    pub(crate) fn redrive(
        &mut self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Outcome<u64> {
        let (id, numbers) = self.dead_of(topic, group, which)?;
        let conn = Rc::clone(&self.conn);
        let mut find =
            conn.prepare_cached("SELECT n, seq, id, at, key, body FROM dead WHERE n = ?")?;
        let mut redriven = 0;
        for n in numbers {
            let letter = find.query_row([n], |row| {
                let body: Vec<u8> = row.get(5)?;
                Ok(Letter {
                    n: row.get(0)?,
                    seq: row.get(1)?,
                    id: row.get(2)?,
                    at: row.get(3)?,
                    key: row.get(4)?,
                    body: body.into(),
                })
            })?;
            redriven += u64::from(self.revive(id, &letter)?);
        }
        self.woken.groups.insert(id);
        Ok(redriven)
    }

    /// `false` if it is no message, and stays where it is.
    fn revive(&mut self, id: i64, letter: &Letter) -> Sql<bool> {
        let Ok(message) = decode(&letter.body) else {
            return Ok(false);
        };
        let conn = Rc::clone(&self.conn);
        let Some(group) = self.groups.get_mut(&id) else {
            return Ok(false);
        };
        let key = letter.key.as_deref().filter(|_| group.is_per_key());
        let is_blocked = match key {
            Some(key) => keys::is_blocked(&conn, id, letter.seq, key)?,
            None => false,
        };
        let now = self.now.as_micros();
        let (state, due, wait) = if is_blocked {
            (BLOCKED_WAITING, DUE_BLOCKED, Some(now))
        } else {
            (WAITING, now, None)
        };
        let lane = i64::try_from(lane_of(letter.seq)).unwrap_or(0);
        conn.prepare_cached(
            "INSERT INTO delivery (grp, seq, lane, due, state, fence, attempts, member, key, wait) \
             VALUES (?, ?, ?, ?, ?, 0, 0, 0, ?, ?)",
        )?
        .execute((id, letter.seq, lane, due, state, key, wait))?;
        if let (Some(key), false) = (key, is_blocked) {
            keys::take_turn(&conn, id, letter.seq, key)?;
        }
        let expires = message.ttl().map(|ttl| self.now.after(ttl).as_micros());
        conn.prepare_cached(
            "INSERT INTO revived (grp, seq, id, at, expires, max_attempts, body) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            id,
            letter.seq,
            &letter.id,
            letter.at,
            expires,
            message.max_attempts(),
            &*letter.body,
        ))?;
        conn.prepare_cached("DELETE FROM dead WHERE n = ?")?
            .execute([letter.n])?;
        group.revived += 1;
        group.is_dirty = true;
        Ok(true)
    }
}
