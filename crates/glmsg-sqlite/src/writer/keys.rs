//! Order by key: which message of a key has its turn.
//!
//! In a group with order by key, only the first unfinished message of a key may be delivered. What
//! was looked at and may not is kept out of the way of the search for candidates: its `due` is far
//! away, and it is put back when the one before it is finished.

use rusqlite::{Connection, OptionalExtension};

use super::group::{BLOCKED_NEW, BLOCKED_WAITING, DUE_BLOCKED, DUE_READY, READY, WAITING};
use crate::error::Sql;
use crate::place::lane_of;

fn lane(seq: i64) -> i64 {
    i64::try_from(lane_of(seq)).unwrap_or(0)
}

/// `true` if an unfinished message of the same key stands before this one.
pub(super) fn is_blocked(conn: &Connection, group: i64, seq: i64, key: &str) -> Sql<bool> {
    let mut statement = conn.prepare_cached(
        "SELECT 1 FROM delivery WHERE grp = ? AND lane = ? AND key = ? AND seq < ? LIMIT 1",
    )?;
    statement.exists((group, lane(seq), key, seq))
}

/// Takes note of a new message that has not its turn.
pub(super) fn park(conn: &Connection, group: i64, seq: i64, key: &str) -> Sql<()> {
    let mut statement = conn.prepare_cached(
        "INSERT INTO delivery (grp, seq, lane, due, state, fence, attempts, member, key) \
         VALUES (?, ?, ?, ?, ?, 0, 0, 0, ?)",
    )?;
    statement.execute((group, seq, lane(seq), DUE_BLOCKED, BLOCKED_NEW, key))?;
    Ok(())
}

/// A message of the key is finished: the next one has its turn.
pub(super) fn pass_turn(conn: &Connection, group: i64, seq: i64, key: &str) -> Sql<()> {
    let mut first = conn.prepare_cached(
        "SELECT seq, state, wait FROM delivery WHERE grp = ? AND lane = ? AND key = ? \
         ORDER BY seq LIMIT 1",
    )?;
    let found: Option<(i64, i64, Option<i64>)> = first
        .query_row((group, lane(seq), key), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let (next, state, due) = match found {
        Some((next, BLOCKED_NEW, _)) => (next, READY, DUE_READY),
        Some((next, BLOCKED_WAITING, wait)) => (next, WAITING, wait.unwrap_or(0)),
        _ => return Ok(()),
    };
    let mut update = conn.prepare_cached(
        "UPDATE delivery SET state = ?, due = ?, wait = NULL WHERE grp = ? AND seq = ?",
    )?;
    update.execute((state, due, group, next))?;
    Ok(())
}

/// A message has come back before others of its key: they have to wait.
pub(super) fn take_turn(conn: &Connection, group: i64, seq: i64, key: &str) -> Sql<()> {
    let mut update = conn.prepare_cached(
        "UPDATE delivery SET wait = CASE state WHEN ?6 THEN due END, \
         state = CASE state WHEN ?6 THEN ?7 ELSE ?8 END, due = ?9 \
         WHERE grp = ?1 AND lane = ?2 AND key = ?3 AND seq > ?4 AND state IN (?5, ?6)",
    )?;
    update.execute((
        group,
        lane(seq),
        key,
        seq,
        READY,
        WAITING,
        BLOCKED_WAITING,
        BLOCKED_NEW,
        DUE_BLOCKED,
    ))?;
    Ok(())
}

/// Makes a delivery wait until `due`, and for its key's turn if it has a key.
pub(super) fn wait(
    conn: &Connection,
    group: i64,
    seq: i64,
    key: Option<&str>,
    due: i64,
) -> Sql<()> {
    let is_blocked = match key {
        Some(key) => is_blocked(conn, group, seq, key)?,
        None => false,
    };
    let (state, due, wait) = if is_blocked {
        (BLOCKED_WAITING, DUE_BLOCKED, Some(due))
    } else {
        (WAITING, due, None)
    };
    let mut update = conn.prepare_cached(
        "UPDATE delivery SET state = ?, due = ?, wait = ? WHERE grp = ? AND seq = ?",
    )?;
    update.execute((state, due, wait, group, seq))?;
    Ok(())
}
