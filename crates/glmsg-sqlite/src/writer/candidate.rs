//! A message that a group may get, as it is read.

use bytes::Bytes;
use glmsg_core::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::group::LEASED;
use crate::error::Sql;

/// A message that a group may get.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) seq: i64,
    pub(super) id: Bytes,
    pub(super) at: Timestamp,
    pub(super) expires: Option<Timestamp>,
    pub(super) max_attempts: u32,
    pub(super) key: Option<String>,
    pub(super) body: Bytes,
    /// What the group knows of it, unless it is new.
    pub(super) known: Option<Known>,
}

/// What a group knows of a message that it has looked at.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) is_leased: bool,
    pub(super) attempts: u32,
    pub(super) history: Option<Vec<u8>>,
    pub(super) due: i64,
}

fn bytes(value: ValueRef<'_>) -> Bytes {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Bytes::copy_from_slice(bytes),
        _ => Bytes::new(),
    }
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().map(str::to_owned),
        _ => None,
    }
}

fn integer(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(n) => Some(n),
        _ => None,
    }
}

/// Reads the columns seq, id, at, expires, max_attempts, key, body. Whatever they hold, they give
/// something: what it is worth is seen when the body is decoded.
pub(super) fn read(row: &Row<'_>) -> Sql<Candidate> {
    let number = integer(row.get_ref(4)?).unwrap_or(1);
    Ok(Candidate {
        seq: row.get(0)?,
        id: bytes(row.get_ref(1)?),
        at: Timestamp::from_micros(integer(row.get_ref(2)?).unwrap_or(0)),
        expires: integer(row.get_ref(3)?).map(Timestamp::from_micros),
        max_attempts: u32::try_from(number).unwrap_or(1),
        key: text(row.get_ref(5)?),
        body: bytes(row.get_ref(6)?),
        known: None,
    })
}

pub(super) fn read_known(row: &Row<'_>) -> Sql<Candidate> {
    let mut candidate = read(row)?;
    candidate.known = Some(Known {
        is_leased: integer(row.get_ref(7)?) == Some(LEASED),
        attempts: u32::try_from(integer(row.get_ref(8)?).unwrap_or(0)).unwrap_or(0),
        history: row
            .get_ref(9)?
            .as_blob_or_null()
            .ok()
            .flatten()
            .map(<[u8]>::to_vec),
        due: row.get(10)?,
    });
    Ok(candidate)
}

/// One message that a group has looked at, in the columns that [`read_known`] reads.
pub(super) const KNOWN: &str = "SELECT d.seq, coalesce(r.id, m.id), coalesce(r.at, m.at), \
     CASE WHEN r.seq IS NULL THEN m.expires ELSE r.expires END, \
     coalesce(r.max_attempts, m.max_attempts), d.key, coalesce(r.body, m.body), d.state, \
     d.attempts, d.history, d.due FROM delivery d \
     LEFT JOIN revived r ON r.grp = d.grp AND r.seq = d.seq \
     LEFT JOIN message m ON m.seq = d.seq ";

/// The delivery that a token means, if it is current.
pub(super) fn find_leased(
    conn: &Connection,
    group: i64,
    seq: i64,
    fence: i64,
) -> Sql<Option<Candidate>> {
    let mut find = conn.prepare_cached(leased_sql())?;
    let mut rows = find.query((group, seq, fence, LEASED))?;
    rows.next()?.map(read_known).transpose()
}

fn leased_sql() -> &'static str {
    static SQL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    SQL.get_or_init(|| {
        format!("{KNOWN} WHERE d.grp = ? AND d.seq = ? AND d.fence = ? AND d.state = ?")
    })
}
