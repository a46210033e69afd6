//! Files that are refused by name and left as they were, and files that are opened again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use glmsg_broker::Backend;
use glmsg_core::{Error, ErrorKind};
use glmsg_sqlite::{SqliteBroker, SqliteConfig};

use crate::store::{Place, messages, numbers, options, publish, receive};

/// All files of a directory with what they hold.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let files = files.filter(|file| file.file_type().unwrap().is_file());
    files
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, fs::read(file.path()).unwrap())
        })
        .collect()
}

/// Opens the place's file, which must be refused and left as it is.
async fn refused(place: &Place) -> Error {
    let before = contents(place.directory());
    let error = SqliteBroker::open(place.config()).await.unwrap_err();
    assert_eq!(contents(place.directory()), before, "{error}");
    let path = place.file().display().to_string();
    assert!(error.to_string().contains(&path), "{error}");
    error
}

/// A store that was used and closed in order.
async fn used() -> Place {
    let place = Place::new();
    let broker = place.open().await;
    publish(&broker, &messages(300)).await;
    broker.close().await.unwrap();
    place
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let short = b"hello".to_vec();
    let long: Vec<u8> = (0..20_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let magic = [b"SQLite format 3\0".to_vec(), vec![0; 50]].concat();
    for bytes in [short, long, magic] {
        let place = Place::new();
        fs::write(place.file(), bytes).unwrap();
        let error = refused(&place).await;
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("no SQLite database"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    for id in [0, 0x0F05_5112] {
        for mode in ["WAL", "DELETE"] {
            let place = Place::new();
            let sql = place.sql();
            sql.execute_batch(&format!(
                "PRAGMA journal_mode = {mode}; PRAGMA application_id = {id}; CREATE TABLE t (x)"
            ))
            .unwrap();
            drop(sql);
            let error = refused(&place).await;
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.to_string().contains("another program"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let place = used().await;
    place.sql().pragma_update(None, "user_version", 99).unwrap();
    let error = refused(&place).await;
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("version 99"), "{error}");
}

#[tokio::test]
async fn a_damaged_store_is_refused() {
    let place = used().await;
    let whole = fs::read(place.file()).unwrap();
    let torn = &whole[..whole.len() - 5000];
    let mut overwritten = whole.clone();
    overwritten[4096..40_000].fill(0x5A);
    for bytes in [torn, &overwritten] {
        fs::write(place.file(), bytes).unwrap();
        let error = refused(&place).await;
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("damaged"), "{error}");
    }
    fs::write(place.file(), whole).unwrap();
    place.open().await.close().await.unwrap();
}

#[tokio::test]
async fn a_read_only_file_is_refused() {
    let place = used().await;
    let mut permissions = fs::metadata(place.file()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(place.file(), permissions).unwrap();
    let error = refused(&place).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("read-only"), "{error}");
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    let place = Place::new();
    fs::create_dir(place.file()).unwrap();
    let error = refused(&place).await;
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("directory"), "{error}");

    for (path, kind) in [
        (place.directory().join("no/such/x.db"), ErrorKind::NotFound),
        ("a\0b".into(), ErrorKind::InvalidArgument),
        ("".into(), ErrorKind::ConfigInvalid),
    ] {
        let opened = SqliteBroker::open(SqliteConfig::new(&path)).await;
        let error = opened.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    assert!(contents(place.directory()).is_empty());
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let place = Place::new();
    fs::write(place.file(), b"").unwrap();
    let broker = place.open().await;
    publish(&broker, &messages(1)).await;
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_store_of_version_0_is_migrated() {
    let place = Place::new();
    place
        .sql()
        .execute_batch("PRAGMA application_id = 0x676C6D71; VACUUM")
        .unwrap();
    let broker = place.open().await;
    publish(&broker, &messages(1)).await;
    broker.close().await.unwrap();
    let version: i64 = place
        .sql()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 2);
}

#[tokio::test]
async fn closing_leaves_one_file() {
    let place = used().await;
    let names: Vec<String> = contents(place.directory()).into_keys().collect();
    assert_eq!(names, ["store.db"]);
}

#[tokio::test]
async fn a_store_that_was_dropped_is_opened_again() {
    let place = Place::new();
    let broker = place.open().await;
    publish(&broker, &messages(10)).await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    assert_eq!(numbers(&receive(&mut source, 4).await), [0, 1, 2, 3]);
    drop(broker);
    drop(source);
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    assert_eq!(numbers(&receive(&mut source, 6).await), [4, 5, 6, 7, 8, 9]);
    // The others were not settled: they come when their lease has run out.
    place.clock.advance(std::time::Duration::from_secs(31));
    let mut again = numbers(&receive(&mut source, 10).await);
    again.sort_unstable();
    assert_eq!(again, (0..10).collect::<Vec<_>>());
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_log_left_behind_is_read() {
    let place = Place::new();
    let broker = place.open().await;
    publish(&broker, &messages(10)).await;
    // What a crash leaves: the files as they are while the store is open.
    let copy = Place::new();
    for (name, bytes) in contents(place.directory()) {
        if !name.ends_with("-shm") {
            fs::write(copy.directory().join(name), bytes).unwrap();
        }
    }
    let recovered = copy.open().await;
    assert_eq!(recovered.topics().await.unwrap()[0].messages, 10);
    broker.close().await.unwrap();
    recovered.close().await.unwrap();
}

#[tokio::test]
async fn closing_twice_is_closing_once() {
    let place = Place::new();
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    broker.close().await.unwrap();
    broker.close().await.unwrap();
    let kind = |error: Error| error.kind();
    let published = broker.publish(&messages(1)).await.map_err(kind);
    assert_eq!(published.unwrap_err(), ErrorKind::Closed);
    assert_eq!(
        broker.topics().await.map_err(kind).unwrap_err(),
        ErrorKind::Closed
    );
    let received = glmsg_broker::Source::recv(&mut source, &mut Vec::new(), 1).await;
    assert_eq!(received.map_err(kind).unwrap_err(), ErrorKind::Closed);
}
