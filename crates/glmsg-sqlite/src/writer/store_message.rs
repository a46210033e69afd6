//! Storing messages.

use std::rc::Rc;

use glmsg_broker::Published;
use glmsg_core::{Error, ErrorKind, MessageId, TopicName};
use rusqlite::Connection;

use super::retention::Acked;
use super::store::Store;
use super::topic::Topic;
use crate::encode::Encoded;
use crate::error::{Outcome, Sql};
use crate::place::{SCHEDULED, seq};

impl Store {
    /// Stores a batch.
    pub(crate) fn publish(&mut self, batch: &Encoded) -> Outcome<Vec<Published>> {
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut at = 0;
        for run in batch.messages().chunk_by(|a, b| a.topic() == b.topic()) {
            let id = self.topic_or_new(run[0].topic())?;
            self.tick(id)?;
            let mut acked = None;
            for _ in run {
                outcomes.push(self.store(id, batch, at, &mut acked)?);
                at += 1;
            }
            self.woken.topics.insert(id);
        }
        Ok(outcomes)
    }

    fn store(
        &mut self,
        id: i64,
        batch: &Encoded,
        at: usize,
        acked: &mut Option<Acked>,
    ) -> Sql<Published> {
        let conn = Rc::clone(&self.conn);
        let (message, body) = match batch.get(at) {
            Ok(found) => found,
            Err(rejected) => return Ok(Published::Rejected(rejected)),
        };
        let topic = self.topics.get(&id);
        if topic.is_some_and(|topic| topic.len() >= topic.config.max_len) {
            if holds(&conn, id, message.id())? {
                return Ok(Published::Duplicate);
            }
            if !self.make_room(id, acked)? {
                let held = self.topics.get(&id).map_or(0, Topic::len);
                return Ok(Published::Full(full(message.topic(), held)));
            }
        }
        let now = self.now;
        let Some(topic) = self.topics.get_mut(&id) else {
            return Ok(Published::Full(full(message.topic(), 0)));
        };
        let stored_at = topic.store_time(now);
        let due = message.schedule().due(now);
        let lane = usize::from(message.priority().as_u8());
        let (place, ord) = match due {
            Some(_) => (seq(id, SCHEDULED, topic.next_scheduled), 0),
            None => (seq(id, lane, topic.next[lane]), topic.ord),
        };
        let mut insert = conn.prepare_cached(
            "INSERT INTO message (seq, topic, id, at, ord, expires, key, max_attempts, body) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (topic, id) DO NOTHING",
        )?;
        let expires = message
            .expires_at(now)
            .map(glmsg_core::Timestamp::as_micros);
        let inserted = insert.execute((
            place,
            id,
            message.id().as_bytes(),
            stored_at.as_micros(),
            ord,
            expires,
            message.key(),
            message.max_attempts(),
            body,
        ))?;
        if inserted == 0 {
            return Ok(Published::Duplicate);
        }
        topic.is_dirty = true;
        match due {
            Some(due) => {
                let lane = message.priority().as_u8();
                conn.prepare_cached(
                    "INSERT INTO scheduled (topic, due, seq, lane) VALUES (?, ?, ?, ?)",
                )?
                .execute((id, due.as_micros(), place, lane))?;
                topic.scheduled += 1;
                topic.next_scheduled += 1;
                topic.next_due = Some(topic.next_due.map_or(due, |next| next.min(due)));
            }
            None => {
                topic.next[lane] += 1;
                topic.ord += 1;
            }
        }
        Ok(Published::Stored)
    }
}

fn holds(conn: &Connection, topic: i64, id: MessageId) -> Sql<bool> {
    conn.prepare_cached("SELECT 1 FROM message WHERE topic = ? AND id = ?")?
        .exists((topic, id.as_bytes()))
}

fn full(topic: &TopicName, held: u64) -> Error {
    Error::new(
        ErrorKind::Full,
        format!("the topic holds {held} messages that not every group has acked"),
    )
    .operation("publish")
    .with("topic", topic)
    .remedy("consume the topic, raise max_len or choose to drop the oldest")
}
