//! What a reader sees of a topic, and whether the writer has something to do before.

use glmsg_broker::TopicConfig;
use glmsg_core::{Timestamp, TopicName};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::error::{Outcome, Sql, no_topic};
use crate::place::{LANES, seq};
use crate::writer::read_config;

/// A topic's row.
#[derive(Debug)]
pub(crate) struct TopicRow {
    pub(crate) id: i64,
    pub(crate) name: TopicName,
    pub(crate) config: TopicConfig,
    pub(crate) scheduled: u64,
    pub(crate) first: [i64; LANES],
    pub(crate) next: [i64; LANES],
}

const COLUMNS: &str = "SELECT id, name, max_len, max_age, overflow, dead_letter_age, scheduled, \
                       first0, next0, first1, next1, first2, next2, first3, next3 FROM topic";

/// `None` if the name is none.
fn read(row: &Row<'_>) -> Sql<Option<TopicRow>> {
    let name: String = row.get(1)?;
    let Ok(name) = TopicName::new(name) else {
        return Ok(None);
    };
    let scheduled: i64 = row.get(6)?;
    let mut topic = TopicRow {
        id: row.get(0)?,
        name,
        config: read_config(row, 2)?,
        scheduled: u64::try_from(scheduled).unwrap_or(0),
        first: [0; LANES],
        next: [0; LANES],
    };
    for lane in 0..LANES {
        topic.first[lane] = row.get(7 + 2 * lane)?;
        topic.next[lane] = row.get(8 + 2 * lane)?;
    }
    Ok(Some(topic))
}

impl TopicRow {
    pub(crate) fn find(conn: &Connection, name: &TopicName) -> Outcome<Self> {
        let mut find = conn.prepare_cached(&format!("{COLUMNS} WHERE name = ?"))?;
        let found = find.query_row([name.as_str()], read).optional()?;
        found.flatten().ok_or_else(|| no_topic(name).into())
    }

    pub(crate) fn all(conn: &Connection) -> Sql<Vec<Self>> {
        let mut find = conn.prepare_cached(&format!("{COLUMNS} ORDER BY name"))?;
        let found = find.query_map([], read)?;
        found.filter_map(Result::transpose).collect()
    }

    pub(crate) fn len(&self) -> u64 {
        let lanes = (0..LANES).map(|lane| self.next[lane] - self.first[lane]);
        u64::try_from(lanes.sum::<i64>()).unwrap_or(0) + self.scheduled
    }

    /// `true` if at the time `now` the writer has something to do with it: what is due has no
    /// place yet, or what is too old is still there.
    pub(crate) fn is_behind(&self, conn: &Connection, now: Timestamp) -> Sql<bool> {
        let mut due =
            conn.prepare_cached("SELECT 1 FROM scheduled WHERE topic = ? AND due <= ? LIMIT 1")?;
        if self.scheduled > 0 && due.exists((self.id, now.as_micros()))? {
            return Ok(true);
        }
        let mut front = conn.prepare_cached("SELECT at FROM message WHERE seq = ?")?;
        for lane in 0..LANES {
            if self.first[lane] >= self.next[lane] {
                continue;
            }
            let place = seq(self.id, lane, self.first[lane]);
            let at: Option<i64> = front.query_row([place], |row| row.get(0)).optional()?;
            let at = Timestamp::from_micros(at.unwrap_or(i64::MIN));
            if now.since(at) > self.config.max_age && self.is_acked(conn, lane)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `true` if every group has finished the front of a lane, and there is one.
    fn is_acked(&self, conn: &Connection, lane: usize) -> Sql<bool> {
        let mut count = conn.prepare_cached(&format!(
            "SELECT count(*), coalesce(sum(cursor{lane} > ?2 AND NOT EXISTS \
             (SELECT 1 FROM delivery d WHERE d.grp = grp.id AND d.seq = ?3)), 0) \
             FROM grp WHERE topic = ?1"
        ))?;
        let place = seq(self.id, lane, self.first[lane]);
        let (groups, done): (i64, i64) = count
            .query_row((self.id, self.first[lane], place), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        Ok(groups > 0 && groups == done)
    }
}
