//! What the doctor finds out about a real store.

use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use glmsg_broker::{Backend, Finding, Severity};
use glmsg_core::{Clock, Timestamp};
use glmsg_sqlite::{SqliteBroker, SqliteConfig};

use crate::store::{Place, messages, publish};

async fn unwell(broker: &SqliteBroker) -> Vec<Finding> {
    let findings = broker.doctor().await.unwrap().into_iter();
    // How full this machine's disk is says nothing about the store.
    let findings = findings.filter(|f| f.subject != "disk");
    findings.filter(|f| f.severity > Severity::Ok).collect()
}

#[tokio::test]
async fn what_is_damaged_while_it_is_open_is_found() {
    let place = Place::new();
    let broker = place.open().await;
    publish(&broker, &messages(500)).await;
    assert_eq!(unwell(&broker).await, []);
    // Into the file, so that this is what is read.
    let sql = place.sql();
    let copied = sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, i64>(0)
    });
    assert_eq!(copied.unwrap(), 0);
    let file = std::fs::OpenOptions::new().write(true).open(place.file());
    let file = file.unwrap();
    let middle = file.metadata().unwrap().len() / 2 / 4096 * 4096;
    file.write_all_at(&[0xA5; 8192], middle).unwrap();
    let found = unwell(&broker).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].severity, Severity::Problem, "{}", found[0]);
    assert_eq!(found[0].subject, "integrity", "{}", found[0]);
}

#[derive(Debug)]
struct Settable(AtomicI64);

impl Clock for Settable {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn a_clock_that_was_set_back_is_found() {
    let place = Place::new();
    let clock = Arc::new(Settable(AtomicI64::new(2_000_000_000)));
    let config = SqliteConfig::new(place.file()).clock(clock.clone());
    let broker = SqliteBroker::open(config).await.unwrap();
    publish(&broker, &messages(1)).await;
    assert_eq!(unwell(&broker).await, []);
    clock.0.store(1_940_000_000, Ordering::Relaxed);
    let found = unwell(&broker).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].subject, "clock", "{}", found[0]);
    assert!(found[0].what.contains("set back by 60."), "{}", found[0]);
}
