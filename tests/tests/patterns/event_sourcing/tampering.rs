//! What is done to a stream behind the store's back.

use bytes::Bytes;
use glmsg_broker::{BoxStorage, Change, Expected, Storage as _, StorageKey};
use glmsg_conformance::Fixture;
use glmsg_core::ErrorKind;
use glmsg_patterns::event_sourcing::{
    AppendError, Event, EventStore, ReplayFrom, Tampering, Verification,
};

use super::{STREAM, all, event, filled, open, versions};

const EVENTS: u64 = 9;

fn log() -> StorageKey {
    StorageKey::new(format!("event/stream/{STREAM}")).unwrap()
}

/// The records of the stream, as they are stored.
async fn raw(storage: &BoxStorage) -> Vec<Bytes> {
    let records = storage.read(&log(), 0, 1000).await.unwrap();
    records.into_iter().map(|record| record.data).collect()
}

/// Puts other records in the place of the stream's.
async fn replace(storage: &BoxStorage, records: &[Bytes]) {
    let removed = storage.remove_log(&log(), Expected::Any).await.unwrap();
    assert_eq!(removed, Change::Made(0));
    let appended = storage
        .append(&log(), Expected::NOTHING, records)
        .await
        .unwrap();
    assert_eq!(appended, Change::Made(records.len() as u64));
}

async fn found(store: &EventStore) -> Vec<Tampering> {
    store.verify(STREAM).await.unwrap().tampering
}

pub(crate) async fn every_kind_of_tampering_is_found_and_named<F: Fixture>(f: F) {
    let store = filled(&f, EVENTS).await;
    let storage = f.broker().await.open_storage().await.unwrap();
    let sound = raw(&storage).await;
    assert_eq!(found(&store).await, []);

    // One bit, in each part of a record: format, hash before, hash, seal, content, end.
    let length = sound[4].len();
    for (place, at) in [
        0,
        1,
        40,
        66,
        73,
        80,
        120,
        length / 2,
        length - 20,
        length - 1,
    ]
    .into_iter()
    .enumerate()
    {
        let version = place as u64 % EVENTS + 1;
        let mut records = sound.clone();
        let mut bytes = records[version as usize - 1].to_vec();
        bytes[at] ^= 1 << (place % 8);
        records[version as usize - 1] = bytes.into();
        replace(&storage, &records).await;
        assert_eq!(
            found(&store).await,
            [Tampering::Changed { version }],
            "byte {at}"
        );
        // Nobody is given a damaged event.
        let error = store.read(STREAM, 0, 100).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Codec);
        assert_eq!(error.context("version"), Some(&*version.to_string()));
    }

    for removed in 1..EVENTS {
        let mut records = sound.clone();
        records.remove(removed as usize - 1);
        replace(&storage, &records).await;
        let (from, to) = (removed, removed);
        assert_eq!(found(&store).await, [Tampering::Removed { from, to }]);
    }
    let mut records = sound.clone();
    records.drain(2..5);
    replace(&storage, &records).await;
    assert_eq!(found(&store).await, [Tampering::Removed { from: 3, to: 5 }]);

    for one in 1..=EVENTS {
        for other in one + 1..=EVENTS {
            let mut records = sound.clone();
            records.swap(one as usize - 1, other as usize - 1);
            replace(&storage, &records).await;
            let tampering = found(&store).await;
            assert!(!tampering.is_empty(), "{one} and {other}");
            for tampering in tampering {
                let Tampering::Reordered { version, place } = tampering else {
                    panic!("{one} and {other}: {tampering}");
                };
                assert!([one, other].contains(&version) && [one, other].contains(&place));
            }
        }
    }

    // What is inserted: noise, an event of the stream again, one of another stream, and one that
    // claims the version and is chained well.
    let other = open(&f).await;
    other
        .append("elsewhere", Expected::NOTHING, (1..=3).map(event))
        .await
        .unwrap();
    let key = StorageKey::new("event/stream/elsewhere").unwrap();
    let foreign = storage.read(&key, 1, 1).await.unwrap()[0].data.clone();
    for place in 1..=EVENTS {
        let at = place as usize - 1;
        replace(&storage, &sound[..at]).await;
        let forger = open(&f).await;
        // The checkpoint knows better; a forger would not ask it.
        let head = StorageKey::new(format!("event/head/{STREAM}")).unwrap();
        let anchor = storage.get(&head).await.unwrap().unwrap();
        assert_eq!(
            storage.remove(&head, Expected::Any).await.unwrap(),
            Change::Made(0)
        );
        forger
            .append(STREAM, Expected::Version(place - 1), [event(99)])
            .await
            .unwrap();
        let forged = raw(&storage).await[at].clone();
        let put = storage.put(&head, &anchor.data, Expected::Any, None).await;
        assert!(put.unwrap().made().is_some());
        for (what, inserted) in [
            ("noise", Bytes::from_static(b"noise")),
            ("an event again", sound[(at + 4) % sound.len()].clone()),
            ("an event elsewhere", foreign.clone()),
            ("a forged event", forged),
        ] {
            let mut records = sound.clone();
            records.insert(at, inserted);
            replace(&storage, &records).await;
            assert_eq!(
                found(&store).await,
                [Tampering::Inserted { place }],
                "{what}"
            );
        }
    }

    for left in 0..EVENTS {
        let records = &sound[..left as usize];
        replace(&storage, records).await;
        let (from, to) = (left + 1, EVENTS);
        let verified: Verification = store.verify(STREAM).await.unwrap();
        assert_eq!(verified.tampering, [Tampering::TailCut { from, to }]);
        assert_eq!(verified.events, left);
    }

    replace(&storage, &sound).await;
    assert_eq!(found(&store).await, []);
}

pub(crate) async fn a_stream_written_anew_is_found_by_a_checkpoint_kept_elsewhere<F: Fixture>(
    f: F,
) {
    let store = filled(&f, 5).await;
    let kept = store
        .checkpoint(STREAM)
        .await
        .unwrap()
        .expect("there is one");
    let text = serde_json::to_string(&kept).unwrap();
    assert_eq!(
        (kept.version(), kept.stream(), kept.hash().len()),
        (5, STREAM, 64)
    );
    store
        .append(STREAM, Expected::Version(5), [event(6)])
        .await
        .unwrap();
    let kept = serde_json::from_str(&text).unwrap();
    let verified = store
        .verify_against(STREAM, std::slice::from_ref(&kept))
        .await
        .unwrap();
    assert!(verified.is_intact(), "{verified:?}");

    // Whoever can write everything chains all of it anew, the store's own checkpoint included.
    let storage = f.broker().await.open_storage().await.unwrap();
    assert_eq!(
        storage.remove_log(&log(), Expected::Any).await.unwrap(),
        Change::Made(0)
    );
    let head = StorageKey::new(format!("event/head/{STREAM}")).unwrap();
    assert_eq!(
        storage.remove(&head, Expected::Any).await.unwrap(),
        Change::Made(0)
    );
    let forger = open(&f).await;
    forger
        .append(STREAM, Expected::NOTHING, (11..=16).map(event))
        .await
        .unwrap();
    assert!(forger.verify(STREAM).await.unwrap().is_intact());
    let verified = forger
        .verify_against(STREAM, std::slice::from_ref(&kept))
        .await
        .unwrap();
    assert_eq!(verified.tampering, [Tampering::Changed { version: 5 }]);
    let refused = forger.verify_against("other", &[kept]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
}

pub(crate) async fn a_cut_stream_is_not_appended_to<F: Fixture>(f: F) {
    filled(&f, 5).await;
    let storage = f.broker().await.open_storage().await.unwrap();
    let records = raw(&storage).await;
    replace(&storage, &records[..3]).await;
    let store = open(&f).await;
    for expected in [Expected::Any, Expected::Version(3), Expected::Version(5)] {
        match store.append(STREAM, expected, [event(4)]).await {
            Err(AppendError::Other(error)) => {
                assert_eq!(error.kind(), ErrorKind::Unexpected);
                assert!(
                    error.to_string().contains("had 5 events, and has 3"),
                    "{error}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn what_was_exported_is_imported_as_it_was<F: Fixture>(f: F) {
    let store = filled(&f, 230).await;
    let text = glmsg_patterns::event_sourcing::NewEvent::bytes("odd", vec![0xFF, 0, 0x7F])
        .agent("ä agent")
        .correlation_id("c-1")
        .header("tenant", "acme");
    store.append(STREAM, Expected::Any, [text]).await.unwrap();
    let before = all(&store, ReplayFrom::Beginning).await;
    let checkpoint = store.checkpoint(STREAM).await.unwrap().unwrap();
    let mut lines = Vec::new();
    assert_eq!(store.export(STREAM, 0, &mut lines).await.unwrap(), 231);
    let mut tail = Vec::new();
    assert_eq!(store.export(STREAM, 229, &mut tail).await.unwrap(), 2);
    assert!(lines.ends_with(&tail));
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 231);

    let other = F::new().await;
    let target = open(&other).await;
    // Half of it first, cut in the middle of a line.
    let half = lines.iter().position(|byte| *byte == b'\n').unwrap() * 50;
    let error = target
        .import(STREAM, &mut &lines[..half])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec, "{error}");
    assert!(error.context("line").is_some(), "{error}");
    let came = target.version(STREAM).await.unwrap();
    // All of it, over what is there; and once more.
    assert_eq!(
        target.import(STREAM, &mut &lines[..]).await.unwrap(),
        231 - came
    );
    assert_eq!(target.import(STREAM, &mut &lines[..]).await.unwrap(), 0);
    assert_eq!(all(&target, ReplayFrom::Beginning).await, before);
    let verified = target.verify_against(STREAM, &[checkpoint]).await.unwrap();
    assert!(
        verified.is_intact() && verified.events == 231,
        "{verified:?}"
    );

    // A line that was changed, left out or moved is refused by its number.
    let text = String::from_utf8(lines.clone()).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    let mut swapped = rows.clone();
    swapped.swap(3, 4);
    let changed = text.replacen("\"payload\":3", "\"payload\":4", 1);
    assert_ne!(changed, text);
    let left_out = [&rows[..3], &rows[4..]].concat();
    for (spoilt, line) in [
        (changed, "3"),
        (swapped.join("\n"), "4"),
        (left_out.join("\n"), "4"),
    ] {
        let fresh = F::new().await;
        let error = open(&fresh)
            .await
            .import(STREAM, &mut spoilt.as_bytes())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Codec, "{error}");
        assert_eq!(error.context("line"), Some(line), "{error}");
    }
    let wrong = target
        .import("elsewhere", &mut &lines[..])
        .await
        .unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidArgument);
    // A stream with other events is left alone.
    let third = F::new().await;
    let third = open(&third).await;
    third
        .append(STREAM, Expected::NOTHING, [event(5)])
        .await
        .unwrap();
    let refused = third.import(STREAM, &mut &lines[..]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(versions(&all(&third, ReplayFrom::Beginning).await), [1]);
    let events: Vec<Event> = all(&third, ReplayFrom::Beginning).await;
    assert_eq!(events[0].decode::<u64>().unwrap(), 5);
}
