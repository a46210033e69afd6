//! A disk that does not take what it is given.

use glmsg_broker::{Backend, HealthStatus, Published};
use glmsg_core::{ErrorKind, Message, RetryClass};
use glmsg_sqlite::{SqliteBroker, SqliteConfig};

use crate::store::{TOPIC, topic};

const FILE: &str = "GLMSG_SQLITE_TEST_LIMITED_FILE";

/// Runs only in the process that the test below starts: there no file may grow beyond a limit, and
/// writing beyond it is an error (`EFBIG`), as on a disk that fails.
#[tokio::test]
async fn in_a_process_with_limited_files() {
    let Some(file) = std::env::var_os(FILE) else {
        return;
    };
    let config = SqliteConfig::new(&file).wal_autocheckpoint(100_000);
    let broker = SqliteBroker::open(config).await.unwrap();
    let mut stored = 0;
    let error = loop {
        let message = Message::new(TOPIC, vec![7; 20_000]).unwrap();
        let outcomes = broker.publish(&[message]).await.unwrap();
        match outcomes.into_iter().next().unwrap() {
            Published::Stored => stored += 1,
            Published::Indeterminate(error) => break error,
            other => panic!("{other:?} after {stored}"),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Indeterminate, "{error}");
    assert!(
        error.to_string().contains("open the store again"),
        "{error}"
    );
    let message = Message::new(TOPIC, "small").unwrap();
    let error = broker.publish(&[message]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(error.retry_class(), RetryClass::Never);
    assert!(error.to_string().contains("failed write"), "{error}");
    let health = broker.health().await;
    assert_eq!(health.status, HealthStatus::Unhealthy);
    assert!(health.problem.unwrap().contains("failed write"));
    assert!(broker.close().await.is_err());
    drop(broker);
    println!("STORED {stored}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_failed_write_stops_the_store_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.db");
    let this = std::env::current_exe().unwrap();
    // Units of `ulimit -f` differ between shells: 400 to 800 KiB. The signal that goes with the
    // error is ignored, or it would end the process.
    let output = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 800; exec \"$0\" \"$@\""])
        .arg(this)
        .args([
            "--exact",
            "failures::in_a_process_with_limited_files",
            "--nocapture",
        ])
        .env(FILE, &file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    let stored = text.lines().find_map(|line| line.split_once("STORED "));
    let stored: u64 = stored.unwrap().1.trim().parse().unwrap();
    assert!(stored > 5, "{text}");
    let broker = SqliteBroker::open(SqliteConfig::new(&file)).await.unwrap();
    let info = broker.topics().await.unwrap().remove(0);
    assert_eq!(info.name, topic());
    // The one in between may be there or not.
    assert!(
        info.messages == stored || info.messages == stored + 1,
        "{info:?}"
    );
    broker.close().await.unwrap();
}
