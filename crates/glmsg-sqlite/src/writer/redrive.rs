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

/// Where a redrive or purge of many is: it goes in pieces, so that no transaction is long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    after: i64,
    /// What dies meanwhile is not meant.
    until: i64,
    /// How many were meant so far and done.
    pub(crate) done: u64,
    pub(crate) is_last: bool,
}

impl Piece {
    pub(crate) const FIRST: Self = Self {
        after: 0,
        until: i64::MAX,
        done: 0,
        is_last: false,
    };
}

/// How many dead letters a piece has.
const PIECE: usize = 500;

impl Store {
    /// The numbers of the next dead letters that are meant, oldest first.
    fn dead_numbers(
        &self,
        group: i64,
        age: i64,
        which: &DeadLetterSelector,
        piece: &Piece,
    ) -> Sql<Vec<i64>> {
        let now = self.now.as_micros();
        let collect = |condition: &str, last: &dyn rusqlite::ToSql| -> Sql<Vec<i64>> {
            let mut find = self.conn.prepare_cached(&format!(
                "SELECT n FROM dead WHERE grp = ?1 AND n > ?2 AND n <= ?3 AND ?4 - dead_at <= ?5 \
                 AND {condition} ORDER BY n LIMIT {PIECE}"
            ))?;
            let found = find
                .query_map((group, piece.after, piece.until, now, age, last), |row| {
                    row.get(0)
                })?;
            found.collect()
        };
        match which {
            DeadLetterSelector::All => collect("?6 IS NULL", &None::<i64>),
            DeadLetterSelector::Reason(reason) => collect("reason = ?6", &(*reason as u8)),
            DeadLetterSelector::Ids(ids) => {
                let mut numbers = Vec::new();
                for id in ids {
                    numbers.extend(collect("id = ?6", id.as_bytes())?);
                }
                numbers.sort_unstable();
                numbers.dedup();
                numbers.truncate(PIECE);
                Ok(numbers)
            }
        }
    }

    /// The group, and the numbers of the next dead letters; moves the piece behind them.
    fn next_dead(
        &mut self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
        piece: &mut Piece,
    ) -> Outcome<(i64, Vec<i64>)> {
        let id = self.group_named(topic, group)?;
        let topic = self.topic_named(topic)?;
        self.tick(topic)?;
        if piece.until == i64::MAX {
            let mut last = self.conn.prepare_cached("SELECT max(n) FROM dead")?;
            let last: Option<i64> = last.query_row([], |row| row.get(0))?;
            piece.until = last.unwrap_or(0);
        }
        let age = self.topics.get(&topic).map(|t| t.config.dead_letter_age);
        let age = age.map_or(i64::MAX, micros);
        let numbers = self.dead_numbers(id, age, which, piece)?;
        piece.is_last = numbers.len() < PIECE;
        piece.after = numbers.last().copied().unwrap_or(piece.until);
        Ok((id, numbers))
    }

    /// Deletes a piece of the dead letters that are meant.
    pub(crate) fn purge(
        &mut self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
        mut piece: Piece,
    ) -> Outcome<Piece> {
        let (_, numbers) = self.next_dead(topic, group, which, &mut piece)?;
        let mut delete = self.conn.prepare_cached("DELETE FROM dead WHERE n = ?")?;
        for n in &numbers {
            delete.execute([n])?;
        }
        piece.done += numbers.len() as u64;
        Ok(piece)
    }

    /// Gives a piece of the dead letters that are meant back to their group.
    pub(crate) fn redrive(
        &mut self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
        mut piece: Piece,
    ) -> Outcome<Piece> {
        let (id, numbers) = self.next_dead(topic, group, which, &mut piece)?;
        let conn = Rc::clone(&self.conn);
        let mut find =
            conn.prepare_cached("SELECT n, seq, id, at, key, body FROM dead WHERE n = ?")?;
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
            piece.done += u64::from(self.revive(id, &letter)?);
        }
        self.woken.groups.insert(id);
        Ok(piece)
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
