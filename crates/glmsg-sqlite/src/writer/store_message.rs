//! Storing messages.

use std::rc::Rc;

use glmsg_broker::Published;
use glmsg_core::{Error, ErrorKind, MessageId, Timestamp, TopicName};
use rusqlite::{CachedStatement, Connection};

use super::retention::Acked;
use super::store::Store;
use super::topic::Topic;
use crate::encode::{Encoded, Entry};
use crate::error::{Outcome, Sql};
use crate::place::{SCHEDULED, seq};

const INSERT: &str = "INSERT INTO message (topic, at, expires, key, max_attempts, seq, ord, id, \
                      body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (topic, id) DO NOTHING";

/// The statement that stores, with what it was given last: what stays the same from one message to
/// the next is not given again.
struct Insert<'a> {
    statement: CachedStatement<'a>,
    expires: Option<Timestamp>,
    max_attempts: u32,
    has_key: bool,
}

impl<'a> Insert<'a> {
    fn new(conn: &'a Connection, topic: i64, stored_at: Timestamp) -> Sql<Self> {
        let mut statement = conn.prepare_cached(INSERT)?;
        statement.raw_bind_parameter(1, topic)?;
        statement.raw_bind_parameter(2, stored_at.as_micros())?;
        statement.raw_bind_parameter(3, None::<i64>)?;
        statement.raw_bind_parameter(4, None::<&str>)?;
        statement.raw_bind_parameter(5, 1)?;
        Ok(Self {
            statement,
            expires: None,
            max_attempts: 1,
            has_key: false,
        })
    }

    /// `false` if the topic holds a message of this id.
    fn run(
        &mut self,
        entry: &Entry,
        expires: Option<Timestamp>,
        (place, ord): (i64, i64),
        body: &[u8],
    ) -> Sql<bool> {
        let statement = &mut self.statement;
        if expires != self.expires {
            statement.raw_bind_parameter(3, expires.map(Timestamp::as_micros))?;
            self.expires = expires;
        }
        if self.has_key || entry.key.is_some() {
            statement.raw_bind_parameter(4, entry.key.as_deref())?;
            self.has_key = entry.key.is_some();
        }
        if entry.max_attempts != self.max_attempts {
            statement.raw_bind_parameter(5, entry.max_attempts)?;
            self.max_attempts = entry.max_attempts;
        }
        statement.raw_bind_parameter(6, place)?;
        statement.raw_bind_parameter(7, ord)?;
        statement.raw_bind_parameter(8, entry.id.as_bytes())?;
        statement.raw_bind_parameter(9, body)?;
        Ok(statement.raw_execute()? > 0)
    }
}

impl Store {
    /// Stores a batch.
    pub(crate) fn publish(&mut self, batch: &Encoded) -> Outcome<Vec<Published>> {
        let conn = Rc::clone(&self.conn);
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut at = 0;
        for (name, count) in batch.runs() {
            let id = self.topic_or_new(name)?;
            self.tick(id)?;
            let now = self.now;
            let stored_at = self.topics.get_mut(&id).map(|t| t.store_time(now));
            let mut insert = Insert::new(&conn, id, stored_at.unwrap_or(now))?;
            let mut acked = None;
            for _ in 0..*count {
                outcomes.push(match batch.get(at, name) {
                    Ok(item) => self.store((id, name), item, &mut insert, &mut acked)?,
                    Err(rejected) => Published::Rejected(rejected),
                });
                at += 1;
            }
            self.woken.topics.insert(id);
        }
        Ok(outcomes)
    }

    fn store(
        &mut self,
        (id, name): (i64, &TopicName),
        (entry, body): (&Entry, &[u8]),
        insert: &mut Insert<'_>,
        acked: &mut Option<Acked>,
    ) -> Sql<Published> {
        let topic = self.topics.get(&id);
        if topic.is_some_and(|topic| topic.len() >= topic.config.max_len) {
            if holds(&self.conn, id, entry.id)? {
                return Ok(Published::Duplicate);
            }
            if !self.make_room(id, acked)? {
                let held = self.topics.get(&id).map_or(0, Topic::len);
                let is_read = !self.groups_of(id)?.is_empty();
                return Ok(Published::Full(full(name, held, is_read)));
            }
        }
        let now = self.now;
        let Some(topic) = self.topics.get_mut(&id) else {
            return Ok(Published::Full(full(name, 0, true)));
        };
        let lane = usize::from(entry.lane);
        let expires = entry.expires(now);
        let due = entry.due(now);
        let place = match due {
            Some(_) => (seq(id, SCHEDULED, topic.next_scheduled), 0),
            None => (seq(id, lane, topic.next[lane]), topic.ord),
        };
        if !insert.run(entry, expires, place, body)? {
            return Ok(Published::Duplicate);
        }
        topic.is_dirty = true;
        if let Some(due) = due {
            let mut schedule = self.conn.prepare_cached(
                "INSERT INTO scheduled (topic, due, seq, lane) VALUES (?, ?, ?, ?)",
            )?;
            schedule.execute((id, due.as_micros(), place.0, entry.lane))?;
            topic.scheduled += 1;
            topic.next_scheduled += 1;
            topic.next_due = Some(topic.next_due.map_or(due, |next| next.min(due)));
        } else {
            topic.next[lane] += 1;
            topic.ord += 1;
        }
        Ok(Published::Stored)
    }
}

fn holds(conn: &Connection, topic: i64, id: MessageId) -> Sql<bool> {
    conn.prepare_cached("SELECT 1 FROM message WHERE topic = ? AND id = ?")?
        .exists((topic, id.as_bytes()))
}

fn full(topic: &TopicName, held: u64, is_read: bool) -> Error {
    let (why, first) = if is_read {
        ("that not every group has acked", "consume the topic")
    } else {
        ("and no group reads this topic", "create a group")
    };
    Error::new(
        ErrorKind::Full,
        format!("the topic holds {held} messages {why}"),
    )
    .operation("publish")
    .with("topic", topic)
    .remedy(format!(
        "{first}, raise max_len or choose to drop the oldest"
    ))
}
