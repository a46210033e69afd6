//! Many at once, and waiting for one another.

use std::time::{Duration, Instant};

use bytes::Bytes;
use glmsg_broker::{Change, Expected, Storage};

use super::{append, bytes, change, data, keep, key, opened, put, value, whole};
use crate::Fixture;
use crate::patience::{begun, within};

const WRITERS: usize = 16;

/// Of appends that expect the same version one is made; the others are told how the log is, and
/// have changed nothing.
pub async fn of_appends_at_once_one_succeeds<F: Fixture>(f: F) {
    const EACH: usize = 4;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let storage = opened(&f).await;
        writers.push(tokio::spawn(async move {
            let (mut version, mut made, mut conflicts) = (0, Vec::new(), 0);
            while made.len() < EACH {
                let record = Bytes::from(format!("{writer}/{}", made.len()));
                let expected = Expected::Version(version);
                match append(&storage, "log", expected, &[record]).await {
                    Change::Made(now) => {
                        assert_eq!(now, version + 1);
                        made.push(now);
                        version = now;
                    }
                    Change::Conflict(actual) => {
                        assert!(actual > version, "{actual} was expected, or is old");
                        conflicts += 1;
                        version = actual;
                    }
                }
            }
            (made, conflicts)
        }));
    }
    let (mut made, mut conflicts) = (Vec::new(), 0);
    for writer in writers {
        let (versions, some) = within("a writer", writer).await.expect("no panic");
        made.extend(versions);
        conflicts += some;
    }
    made.sort_unstable();
    let total = (WRITERS * EACH) as u64;
    assert_eq!(made, (1..=total).collect::<Vec<_>>(), "each version once");
    assert!(
        conflicts <= made.len() * (WRITERS - 1),
        "{conflicts} conflicts: a change lets each of the others fail once"
    );
    let records = data(&whole(&opened(&f).await, "log").await);
    for writer in 0..WRITERS {
        let own = format!("{writer}/");
        let own: Vec<_> = records
            .iter()
            .filter(|record| record.starts_with(own.as_bytes()))
            .cloned()
            .collect();
        let sent: Vec<_> = (0..EACH).map(|n| format!("{writer}/{n}")).collect();
        assert_eq!(own, sent, "each writer's once, in its order");
    }
}

/// Appends that expect nothing are all made, each in one piece.
pub async fn appends_at_once_do_not_mix<F: Fixture>(f: F) {
    const EACH: usize = 5;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let storage = opened(&f).await;
        writers.push(tokio::spawn(async move {
            for turn in 0..EACH {
                let records: Vec<_> = (0..3)
                    .map(|n| Bytes::from(format!("{writer}/{turn}/{n}")))
                    .collect();
                let ended = append(&storage, "log", Expected::Any, &records).await;
                assert!(ended.made().is_some_and(|version| version % 3 == 0));
            }
        }));
    }
    for writer in writers {
        within("a writer", writer).await.expect("no panic");
    }
    let records = data(&whole(&opened(&f).await, "log").await);
    assert_eq!(records.len(), WRITERS * EACH * 3);
    for piece in records.chunks(3) {
        let first = std::str::from_utf8(&piece[0]).expect("text");
        let head = first.strip_suffix("/0").expect("it begins at its first");
        assert_eq!(piece[1], format!("{head}/1"));
        assert_eq!(piece[2], format!("{head}/2"));
    }
}

/// Of those that make one value at once, one has made it.
pub async fn of_puts_at_once_one_succeeds<F: Fixture>(f: F) {
    for round in 0..5 {
        let mut claims = Vec::new();
        for n in 0..WRITERS {
            let storage = opened(&f).await;
            let claimed = key(&format!("round/{round}"));
            claims.push(tokio::spawn(async move {
                let own = Bytes::from(format!("{n}"));
                let put = storage.put(&claimed, &own, Expected::NOTHING, None);
                change("a put", put)
                    .await
                    .made()
                    .map(|version| (version, own))
            }));
        }
        let mut won = Vec::new();
        for claim in claims {
            won.extend(within("a claim", claim).await.expect("no panic"));
        }
        assert_eq!(won.len(), 1, "{won:?}");
        let found = value(&opened(&f).await, &format!("round/{round}")).await;
        assert_eq!(found, won.pop());
    }
}

/// A counter that many raise by compare-and-swap counts each of them.
pub async fn a_counter_counts_every_change<F: Fixture>(f: F) {
    const EACH: u64 = 4;
    let first = opened(&f).await;
    let start = Bytes::from_static(b"0");
    let base = keep(&first, "n", &start, Expected::NOTHING, None)
        .await
        .made()
        .expect("none was there");
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let storage = opened(&f).await;
        writers.push(tokio::spawn(async move {
            let mut made = 0;
            while made < EACH {
                let (version, data) = value(&storage, "n").await.expect("it is there");
                let n: u64 = std::str::from_utf8(&data)
                    .expect("text")
                    .parse()
                    .expect("n");
                let next = Bytes::from((n + 1).to_string());
                match keep(&storage, "n", &next, Expected::Version(version), None).await {
                    Change::Made(now) => {
                        assert_eq!(now, version + 1);
                        made += 1;
                    }
                    Change::Conflict(actual) => assert!(actual > version),
                }
            }
        }));
    }
    for writer in writers {
        within("a writer", writer).await.expect("no panic");
    }
    let total = EACH * WRITERS as u64;
    let found = value(&first, "n").await;
    assert_eq!(found, Some((base + total, Bytes::from(total.to_string()))));
}

/// Who waits for a log to grow is woken by an append, also one of another handle.
pub async fn an_append_wakes_who_waits<F: Fixture>(f: F) {
    let (waiting, writing) = (opened(&f).await, opened(&f).await);
    let log = key("log");
    // Longer than the suite's patience: it is the append that ends it.
    let long = Duration::from_secs(600);
    for next in 1..20 {
        let waiter = tokio::spawn({
            let (waiting, log) = (waiting.clone(), log.clone());
            async move {
                let mut version = next - 1;
                while version < next {
                    version = waiting.wait(&log, version, long).await.expect("it works");
                }
                version
            }
        });
        if next % 2 == 0 {
            // Time for it to wait; the other times it may come after the append.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let made = append(&writing, "log", Expected::Version(next - 1), &bytes(1)).await;
        assert_eq!(made, Change::Made(next));
        let version = within("a waiter", waiter).await.expect("no panic");
        assert_eq!(version, next);
    }
    let at_once = within("what is there", waiting.wait(&log, 3, long)).await;
    assert_eq!(at_once.expect("waiting works"), 19);
}

/// A wait for what does not come ends at its time, and no other log ends it for good.
pub async fn a_wait_ends_at_its_time<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let made = append(&storage, "other", Expected::Any, &bytes(3)).await;
    assert_eq!(made, Change::Made(3));
    for time in [Duration::ZERO, Duration::from_millis(50)] {
        let none = within("a time", storage.wait(&key("log"), 0, time)).await;
        assert_eq!(none.expect("it is no error"), 0);
        let same = within("a time", storage.wait(&key("other"), 3, time)).await;
        assert_eq!(same.expect("it is no error"), 3);
    }
    let (begun, long) = (Instant::now(), Duration::from_millis(500));
    let mut rounds = 0;
    while begun.elapsed() < long {
        let rest = long.saturating_sub(begun.elapsed());
        let none = within("a time", storage.wait(&key("log"), 0, rest)).await;
        assert_eq!(none.expect("it is no error"), 0);
        rounds += 1;
    }
    assert!(rounds < 100, "{rounds} rounds in half a second: it waits");
}

/// Changes and looks that were begun and are not polled any more keep no other from its end.
pub async fn calls_that_nobody_polls_hold_up_no_change<F: Fixture>(f: F) {
    let storage = opened(&f).await;
    let is_made = |change| matches!(change, Change::Made(_));
    assert!(is_made(put(&storage, "k", Expected::Any, "first").await));
    let (name, log, left) = (key("k"), key("log"), Bytes::from_static(b"left"));
    let records = [left.clone()];
    let putting = begun(storage.put(&name, &left, Expected::Any, None)).await;
    let appending = begun(storage.append(&log, Expected::Any, &records)).await;
    let looking = begun(storage.get(&name)).await;
    let other = opened(&f).await;
    assert!(is_made(put(&other, "k", Expected::Any, "second").await));
    assert!(is_made(
        append(&other, "log", Expected::Any, &bytes(1)).await
    ));
    if let Some(call) = putting {
        assert!(is_made(change("the put that was left", call).await));
    }
    if let Some(call) = appending {
        assert!(is_made(change("the append that was left", call).await));
    }
    if let Some(call) = looking {
        let found = within("the look that was left", call).await;
        assert!(found.expect("looking works").is_some());
    }
    let records = whole(&other, "log").await.len();
    assert_eq!(records, 2, "both appends, each once");
}
