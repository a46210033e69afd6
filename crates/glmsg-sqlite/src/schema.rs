//! The schema, its versions, and how one becomes the next.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::Sql;

/// What stands in a store's header: "glmq".
pub(crate) const APPLICATION_ID: i32 = 0x676C_6D71;

/// What turns version `n` of the schema into version `n + 1`, for each `n` from 0, the empty store.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql"), include_str!("storage.sql")];

/// The version this build reads and writes.
pub(crate) fn version() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// The version of the store as its transactions see it.
pub(crate) fn found(conn: &Connection) -> Sql<i32> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the store to this build's version; each step is a transaction of its own. Two processes
/// may do it at the same time.
pub(crate) fn migrate(conn: &mut Connection) -> Sql<()> {
    migrate_with(conn, MIGRATIONS)
}

fn migrate_with(conn: &mut Connection, migrations: &[&str]) -> Sql<()> {
    loop {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        let version = found(&tx)?;
        let step = usize::try_from(version)
            .ok()
            .and_then(|v| migrations.get(v));
        let Some(step) = step else {
            return tx.commit();
        };
        tx.execute_batch(step)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", version + 1)?;
        tx.commit()?;
        tracing::info!(version = version + 1, "the store's schema was brought up");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_migrated_once_from_where_it_is() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate_with(&mut conn, &["CREATE TABLE a (x)"]).unwrap();
        conn.execute("INSERT INTO a VALUES (7)", []).unwrap();
        let steps = ["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y DEFAULT 1"];
        for _ in 0..2 {
            migrate_with(&mut conn, &steps).unwrap();
            assert_eq!(found(&conn).unwrap(), 2);
        }
        let sum: i64 = conn
            .query_row("SELECT x + y FROM a", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sum, 8);
    }

    #[test]
    fn a_failed_step_changes_nothing() {
        let mut conn = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE a (x); CREATE TABLE a (x)"];
        assert!(migrate_with(&mut conn, &steps).is_err());
        assert_eq!(found(&conn).unwrap(), 0);
        assert!(!conn.table_exists(None, "a").unwrap());
    }
}
