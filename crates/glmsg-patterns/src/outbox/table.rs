//! The table, and what is done to it.

use glmsg_core::{Error, ErrorKind, Message, MessageId, Result, RetryClass, TopicName, wire};
use rusqlite::{Connection, ErrorCode, params};

/// `seq` is never used twice, so that a relay cannot delete what it has not read.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS glmsg_outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  id BLOB NOT NULL,
  body BLOB NOT NULL,
  error TEXT,
  UNIQUE (topic, id)
)";

/// The outbox of a database: a table for messages that are to be published.
///
/// Its functions take the connection, or the transaction, that the caller works with.
#[derive(Debug, Clone, Copy)]
pub struct Outbox;

/// A message that the broker refused for good.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Its id.
    pub id: MessageId,
    /// Its topic.
    pub topic: TopicName,
    /// Why it was refused.
    pub error: String,
}

impl Outbox {
    /// Makes the table, unless it is there.
    ///
    /// # Errors
    /// Of the database.
    pub fn install(db: &Connection) -> Result<()> {
        db.execute_batch(SCHEMA).map_err(|e| error(e, "install"))
    }

    /// Stores `message` to be published once the transaction is committed. `false` if it is in the
    /// outbox already.
    ///
    /// # Errors
    /// `NotFound` if the outbox is not [installed](Self::install), and others of the database.
    pub fn enqueue(db: &Connection, message: &Message) -> Result<bool> {
        let insert = "INSERT INTO glmsg_outbox (topic, id, body) VALUES (?, ?, ?) \
                      ON CONFLICT (topic, id) DO NOTHING";
        let body = wire::encode(message);
        let id = message.id();
        let row = params![message.topic().as_str(), &id.as_bytes()[..], &body[..]];
        let inserted = db
            .prepare_cached(insert)
            .and_then(|mut insert| insert.execute(row));
        Ok(inserted.map_err(|e| error(e, "enqueue"))? == 1)
    }

    /// How many messages wait to be published, parked ones not counted.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    pub fn waiting(db: &Connection) -> Result<u64> {
        let count = "SELECT count(*) FROM glmsg_outbox WHERE error IS NULL";
        let count = db.query_row(count, [], |row| row.get::<_, i64>(0));
        Ok(count.map_err(|e| error(e, "outbox"))?.unsigned_abs())
    }

    /// The messages that the broker refused for good, in their order; at most `max`.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    pub fn parked(db: &Connection, max: u32) -> Result<Vec<Parked>> {
        let select = "SELECT id, topic, error FROM glmsg_outbox WHERE error IS NOT NULL \
                      ORDER BY seq LIMIT ?";
        let rows = db.prepare_cached(select).and_then(|mut select| {
            let rows = select.query_map([max], |row| {
                Ok((
                    row.get::<_, [u8; 16]>(0)?,
                    row.get::<_, String>(1)?,
                    row.get(2)?,
                ))
            });
            rows?.collect::<rusqlite::Result<Vec<_>>>()
        });
        let rows = rows.map_err(|e| error(e, "outbox"))?.into_iter();
        rows.map(|(id, topic, error)| {
            Ok(Parked {
                id: MessageId::from_bytes(id),
                topic: TopicName::new(topic)?,
                error,
            })
        })
        .collect()
    }

    /// Has parked messages published again. Returns how many.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    pub fn retry_parked(db: &Connection) -> Result<u64> {
        let update = "UPDATE glmsg_outbox SET error = NULL WHERE error IS NOT NULL";
        let updated = db.execute(update, []).map_err(|e| error(e, "outbox"))?;
        Ok(updated as u64)
    }

    /// Drops parked messages. Returns how many.
    ///
    /// # Errors
    /// As [`enqueue`](Self::enqueue).
    pub fn drop_parked(db: &Connection) -> Result<u64> {
        let delete = "DELETE FROM glmsg_outbox WHERE error IS NOT NULL";
        let deleted = db.execute(delete, []).map_err(|e| error(e, "outbox"))?;
        Ok(deleted as u64)
    }
}

/// The next messages to be published: their places and their bytes.
pub(super) fn next(db: &Connection, max: usize) -> Result<Vec<(i64, Vec<u8>)>> {
    let select = "SELECT seq, body FROM glmsg_outbox WHERE error IS NULL ORDER BY seq LIMIT ?";
    let rows = db.prepare_cached(select).and_then(|mut select| {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = select.query_map([max], |row| Ok((row.get(0)?, row.get(1)?)));
        rows?.collect()
    });
    rows.map_err(|e| error(e, "relay"))
}

/// Deletes what was published, and parks what was refused, in one step.
pub(super) fn settle(
    db: &mut Connection,
    published: &[i64],
    refused: &[(i64, String)],
) -> Result<()> {
    let settle = || {
        // It writes: whoever else does so is waited for here, and not in the midst.
        let step = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut delete = step.prepare_cached("DELETE FROM glmsg_outbox WHERE seq = ?")?;
            for seq in published {
                delete.execute([seq])?;
            }
            let park = "UPDATE glmsg_outbox SET error = ? WHERE seq = ?";
            let mut park = step.prepare_cached(park)?;
            for (seq, error) in refused {
                park.execute(params![error, seq])?;
            }
        }
        step.commit()
    };
    let mut settle = settle;
    settle().map_err(|e| error(e, "relay"))
}

/// Another number whenever another connection has changed the database.
pub(super) fn data_version(db: &Connection) -> Result<i64> {
    let version = db.query_row("PRAGMA data_version", [], |row| row.get(0));
    version.map_err(|e| error(e, "relay"))
}

pub(super) fn error(error: rusqlite::Error, operation: &'static str) -> Error {
    let code = error.sqlite_error_code();
    let is_absent = error.to_string().contains("no such table: glmsg_outbox");
    let kind = match code {
        _ if is_absent => ErrorKind::NotFound,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Unavailable,
        Some(ErrorCode::DiskFull) => ErrorKind::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => ErrorKind::PermissionDenied,
        Some(ErrorCode::CannotOpen) => ErrorKind::NotFound,
        _ => ErrorKind::Unexpected,
    };
    let told = Error::new(kind, "the database of the outbox failed")
        .operation(operation)
        .with("reason", &error);
    match kind {
        ErrorKind::NotFound if is_absent => told.remedy("call `Outbox::install` once"),
        ErrorKind::Full => told.retry(RetryClass::Transient),
        _ => told,
    }
    .source(error)
}
