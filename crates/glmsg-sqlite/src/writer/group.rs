//! A group as the writer knows it.

use glmsg_broker::Ordering;
use rusqlite::{Connection, OptionalExtension};

use crate::error::Sql;
use crate::place::LANES;

/// A message was delivered, and is not settled.
pub(crate) const LEASED: i64 = 0;
/// It was given back, and comes again when it is due.
pub(crate) const WAITING: i64 = 1;
/// With order by key: new, looked at, and its key's turn.
pub(crate) const READY: i64 = 2;
/// New, looked at, and not its key's turn.
pub(crate) const BLOCKED_NEW: i64 = 3;
/// Waiting, and not its key's turn.
pub(crate) const BLOCKED_WAITING: i64 = 4;

/// The `due` of what is [`READY`]: behind all times, in an index entry of its own.
pub(crate) const DUE_READY: i64 = i64::MAX - 1;
/// The `due` of what is blocked.
pub(crate) const DUE_BLOCKED: i64 = i64::MAX;

/// A group's progress.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: i64,
    pub(super) topic: i64,
    pub(super) ordering: Ordering,
    /// The fence of the last delivery.
    pub(super) fence: i64,
    /// How many redriven messages are not finished.
    pub(super) revived: i64,
    /// In each lane, the number of the first message that was not looked at.
    pub(super) cursor: [i64; LANES],
    pub(super) is_dirty: bool,
}

pub(crate) fn ordering_number(ordering: Ordering) -> i64 {
    match ordering {
        Ordering::None => 0,
        Ordering::PerKey => 1,
    }
}

pub(crate) fn ordering(number: i64) -> Ordering {
    match number {
        1 => Ordering::PerKey,
        _ => Ordering::None,
    }
}

impl Group {
    pub(super) fn load(conn: &Connection, id: i64) -> Sql<Option<Self>> {
        let mut statement = conn.prepare_cached(
            "SELECT topic, ordering, fence, revived, cursor0, cursor1, cursor2, cursor3 \
             FROM grp WHERE id = ?",
        )?;
        let found = statement.query_row([id], |row| {
            let mut cursor = [0; LANES];
            for (lane, cursor) in cursor.iter_mut().enumerate() {
                *cursor = row.get(4 + lane)?;
            }
            Ok(Self {
                id,
                topic: row.get(0)?,
                ordering: ordering(row.get(1)?),
                fence: row.get(2)?,
                revived: row.get(3)?,
                cursor,
                is_dirty: false,
            })
        });
        found.optional()
    }

    pub(super) fn flush(&mut self, conn: &Connection) -> Sql<()> {
        if !std::mem::take(&mut self.is_dirty) {
            return Ok(());
        }
        let mut statement = conn.prepare_cached(
            "UPDATE grp SET fence = ?, revived = ?, cursor0 = ?, cursor1 = ?, cursor2 = ?, \
             cursor3 = ? WHERE id = ?",
        )?;
        let [c0, c1, c2, c3] = self.cursor;
        statement.execute((self.fence, self.revived, c0, c1, c2, c3, self.id))?;
        Ok(())
    }

    pub(super) fn is_per_key(&self) -> bool {
        self.ordering == Ordering::PerKey
    }
}
