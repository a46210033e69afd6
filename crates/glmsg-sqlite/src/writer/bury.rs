//! Finishing a message for a group: acked, or a dead letter.

use std::rc::Rc;

use glmsg_core::{DeadLetterReason, Timestamp};

use super::keys;
use super::store::Store;
use crate::error::Sql;

/// What a dead letter is made of.
pub(super) struct Corpse<'a> {
    pub(super) seq: i64,
    pub(super) id: &'a [u8],
    pub(super) at: Timestamp,
    pub(super) key: Option<&'a str>,
    pub(super) reason: DeadLetterReason,
    pub(super) attempts: u32,
    pub(super) detail: &'a str,
    pub(super) history: Option<&'a [u8]>,
    pub(super) body: &'a [u8],
}

impl Store {
    /// Makes a message a dead letter of the group, and finishes it.
    pub(super) fn bury(&mut self, group: i64, corpse: &Corpse<'_>) -> Sql<()> {
        let conn = Rc::clone(&self.conn);
        let mut insert = conn.prepare_cached(
            "INSERT INTO dead (grp, seq, id, at, key, reason, attempts, dead_at, detail, history, \
             body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        insert.execute((
            group,
            corpse.seq,
            corpse.id,
            corpse.at.as_micros(),
            corpse.key,
            corpse.reason as u8,
            corpse.attempts,
            self.now.as_micros(),
            corpse.detail,
            corpse.history,
            corpse.body,
        ))?;
        self.finish(group, corpse.seq)
    }

    /// The group is done with a message.
    pub(super) fn finish(&mut self, id: i64, seq: i64) -> Sql<()> {
        let conn = Rc::clone(&self.conn);
        let mut key: Option<String> = None;
        if let Some(group) = self.groups.get_mut(&id) {
            if group.is_per_key() {
                let mut find =
                    conn.prepare_cached("SELECT key FROM delivery WHERE grp = ? AND seq = ?")?;
                let mut rows = find.query((id, seq))?;
                if let Some(row) = rows.next()? {
                    key = row
                        .get_ref(0)?
                        .as_str_or_null()
                        .ok()
                        .flatten()
                        .map(str::to_owned);
                }
            }
            if group.revived > 0 {
                let mut delete =
                    conn.prepare_cached("DELETE FROM revived WHERE grp = ? AND seq = ?")?;
                let gone = i64::try_from(delete.execute((id, seq))?).unwrap_or(0);
                if gone > 0 {
                    group.revived = (group.revived - gone).max(0);
                    group.is_dirty = true;
                }
            }
            if let Some(topic) = self.topics.get_mut(&group.topic) {
                topic.is_age_open = true;
            }
        }
        let mut delete = conn.prepare_cached("DELETE FROM delivery WHERE grp = ? AND seq = ?")?;
        delete.execute((id, seq))?;
        if let Some(key) = key {
            keys::pass_turn(&conn, id, seq, &key)?;
            self.woken.groups.insert(id);
        }
        Ok(())
    }
}
