//! A topic as the writer knows it.

use glmsg_broker::{Overflow, TopicConfig};
use glmsg_core::{Timestamp, TopicName};
use rusqlite::{Connection, OptionalExtension, Row};
use std::time::Duration;

use crate::error::Sql;
use crate::place::{LANES, number_of, seq};

/// A topic's bounds and counters.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) id: i64,
    pub(super) name: TopicName,
    pub(super) config: TopicConfig,
    /// The latest time a message was stored: stored order is the order of these times too.
    pub(super) last_at: Timestamp,
    /// The next place in the topic's stored order.
    pub(super) ord: i64,
    pub(super) scheduled: u64,
    pub(super) next_scheduled: i64,
    pub(super) first: [i64; LANES],
    pub(super) next: [i64; LANES],
    /// When the first scheduled message is due.
    pub(super) next_due: Option<Timestamp>,
    /// When the front of each lane was stored, where that was looked up.
    pub(super) front_at: [Option<Timestamp>; LANES],
    /// Something was acked since it was last seen what is too old.
    pub(super) is_age_open: bool,
    pub(super) is_dirty: bool,
}

/// A duration as stored: microseconds.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

pub(crate) fn overflow_number(overflow: Overflow) -> i64 {
    match overflow {
        Overflow::Reject => 0,
        Overflow::DropOldest => 1,
    }
}

/// The bounds, from the columns max_len, max_age, overflow and dead_letter_age that begin at `at`.
pub(crate) fn read_config(row: &Row<'_>, at: usize) -> Sql<TopicConfig> {
    let max_len: i64 = row.get(at)?;
    let overflow: i64 = row.get(at + 2)?;
    let overflow = match overflow {
        1 => Overflow::DropOldest,
        _ => Overflow::Reject,
    };
    Ok(TopicConfig::default()
        .max_len(u64::try_from(max_len).unwrap_or(0))
        .max_age(duration(row.get(at + 1)?))
        .overflow(overflow)
        .dead_letter_age(duration(row.get(at + 3)?)))
}

impl Topic {
    pub(super) fn load(conn: &Connection, name: &TopicName) -> Sql<Option<Self>> {
        let mut statement = conn.prepare_cached(
            "SELECT id, max_len, max_age, overflow, dead_letter_age, last_at, ord, scheduled, \
             next_scheduled, first0, next0, first1, next1, first2, next2, first3, next3 \
             FROM topic WHERE name = ?",
        )?;
        let found = statement.query_row([name.as_str()], |row| {
            let scheduled: i64 = row.get(7)?;
            let mut topic = Self {
                id: row.get(0)?,
                name: name.clone(),
                config: read_config(row, 1)?,
                last_at: Timestamp::from_micros(row.get(5)?),
                ord: row.get(6)?,
                scheduled: u64::try_from(scheduled).unwrap_or(0),
                next_scheduled: row.get(8)?,
                first: [0; LANES],
                next: [0; LANES],
                next_due: None,
                front_at: [None; LANES],
                is_age_open: true,
                is_dirty: false,
            };
            for lane in 0..LANES {
                topic.first[lane] = row.get(9 + 2 * lane)?;
                topic.next[lane] = row.get(10 + 2 * lane)?;
            }
            Ok(topic)
        });
        let Some(mut topic) = found.optional()? else {
            return Ok(None);
        };
        topic.next_due = first_due(conn, topic.id)?;
        for lane in 0..LANES {
            topic.next[lane] = topic.next[lane].max(behind_last(conn, topic.id, lane)?);
        }
        Ok(Some(topic))
    }

    pub(super) fn flush(&mut self, conn: &Connection) -> Sql<()> {
        if !std::mem::take(&mut self.is_dirty) {
            return Ok(());
        }
        let mut statement = conn.prepare_cached(
            "UPDATE topic SET last_at = ?, ord = ?, scheduled = ?, next_scheduled = ?, \
             first0 = ?, next0 = ?, first1 = ?, next1 = ?, first2 = ?, next2 = ?, first3 = ?, \
             next3 = ? WHERE id = ?",
        )?;
        statement.execute((
            self.last_at.as_micros(),
            self.ord,
            i64::try_from(self.scheduled).unwrap_or(i64::MAX),
            self.next_scheduled,
            self.first[0],
            self.next[0],
            self.first[1],
            self.next[1],
            self.first[2],
            self.next[2],
            self.first[3],
            self.next[3],
            self.id,
        ))?;
        Ok(())
    }

    /// How many messages it holds, scheduled ones included.
    pub(super) fn len(&self) -> u64 {
        let lanes = (0..LANES).map(|lane| self.next[lane] - self.first[lane]);
        u64::try_from(lanes.sum::<i64>()).unwrap_or(0) + self.scheduled
    }

    /// The time of storing, which never goes back in a topic.
    pub(super) fn store_time(&mut self, now: Timestamp) -> Timestamp {
        self.last_at = self.last_at.max(now);
        self.last_at
    }
}

pub(super) fn first_due(conn: &Connection, topic: i64) -> Sql<Option<Timestamp>> {
    let mut statement = conn.prepare_cached("SELECT min(due) FROM scheduled WHERE topic = ?")?;
    let due: Option<i64> = statement.query_row([topic], |row| row.get(0))?;
    Ok(due.map(Timestamp::from_micros))
}

/// The number behind the last row of a lane, should the counter not be right.
fn behind_last(conn: &Connection, topic: i64, lane: usize) -> Sql<i64> {
    let mut statement =
        conn.prepare_cached("SELECT max(seq) FROM message WHERE seq >= ? AND seq < ?")?;
    let range = (seq(topic, lane, 0), seq(topic, lane + 1, 0));
    let last: Option<i64> = statement.query_row(range, |row| row.get(0))?;
    Ok(last.map_or(0, |last| number_of(last) + 1))
}
