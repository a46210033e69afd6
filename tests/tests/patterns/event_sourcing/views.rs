//! Whoever reads events: subscriptions, projections, snapshots.

use std::time::Duration;

use glmsg_broker::{CancellationToken, Expected};
use glmsg_conformance::Fixture;
use glmsg_core::{Error, ErrorKind};
use glmsg_patterns::event_sourcing::{Event, ReplayFrom};

use super::{STREAM, event, filled, open};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn a_subscription_goes_on_where_it_was_and_follows<F: Fixture>(f: F) {
    let store = filled(&f, 5).await;
    let mut first = store
        .subscribe(STREAM, "billing", ReplayFrom::Version(2))
        .await
        .unwrap();
    assert_eq!(first.next().await.unwrap().version(), 2);
    first.checkpoint().await.unwrap();
    assert_eq!(first.next().await.unwrap().version(), 3);
    // It ends without having saved that 3 is handled: 3 comes again.
    drop(first);
    let mut second = open(&f)
        .await
        .subscribe(STREAM, "billing", ReplayFrom::Now)
        .await
        .unwrap();
    let mut rival = open(&f)
        .await
        .subscribe(STREAM, "billing", ReplayFrom::Now)
        .await
        .unwrap();
    for version in 3..=5 {
        assert_eq!(second.next().await.unwrap().version(), version);
    }
    second.checkpoint().await.unwrap();
    second.checkpoint().await.unwrap();
    // Another of the name is refused when it would save, and has lost nothing.
    rival.next().await.unwrap();
    let refused = rival.checkpoint().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");

    // It is woken by what comes.
    let waiting = tokio::spawn(async move {
        let event = second.next().await.unwrap();
        (event.version(), second)
    });
    let mut late = store
        .subscribe(STREAM, "late", ReplayFrom::Now)
        .await
        .unwrap();
    store
        .append(STREAM, Expected::Any, [event(6)])
        .await
        .unwrap();
    let woken = tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("it is woken");
    let (version, second) = woken.unwrap();
    assert_eq!(version, 6);
    assert_eq!(late.next().await.unwrap().version(), 6);
    drop((second, late));

    // A handler that fails leaves its event to whoever comes next.
    let failing = store
        .subscribe(STREAM, "billing", ReplayFrom::Now)
        .await
        .unwrap();
    let failed = failing.run(CancellationToken::new(), async |_: Event| {
        Err(Error::new(ErrorKind::Unavailable, "not now"))
    });
    assert_eq!(failed.await.unwrap_err().message(), "not now");
    let (stop, handled) = (CancellationToken::new(), std::sync::Mutex::new(Vec::new()));
    let working = store
        .subscribe(STREAM, "billing", ReplayFrom::Now)
        .await
        .unwrap();
    let run = working.run(stop.clone(), async |event: Event| {
        handled.lock().unwrap().push(event.version());
        stop.cancel();
        Ok(())
    });
    tokio::time::timeout(PATIENCE, run)
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(*handled.lock().unwrap(), [6]);
    let after = store
        .subscribe(STREAM, "billing", ReplayFrom::Beginning)
        .await
        .unwrap();
    assert_eq!(after.saved(), 6);
}

fn add(sum: &mut u64, event: &Event) -> Result<(), Error> {
    *sum += event.decode::<u64>()?;
    Ok(())
}

pub(crate) async fn a_projection_takes_in_every_event_once<F: Fixture>(f: F) {
    let store = filled(&f, 250).await;
    let mut sum = store.project(STREAM, "sum", 0, add).await.unwrap();
    assert_eq!((sum.version(), *sum.state()), (0, 0));
    assert_eq!(*sum.catch_up().await.unwrap(), 250 * 251 / 2);
    // Another process goes on with what was saved, beside the first.
    let other_store = open(&f).await;
    let mut other = other_store.project(STREAM, "sum", 0, add).await.unwrap();
    assert_eq!((other.version(), *other.state()), (250, 250 * 251 / 2));
    store
        .append(STREAM, Expected::Any, [event(1000)])
        .await
        .unwrap();
    assert_eq!(*other.catch_up().await.unwrap(), 250 * 251 / 2 + 1000);
    store
        .append(STREAM, Expected::Any, [event(2000)])
        .await
        .unwrap();
    assert_eq!(*sum.catch_up().await.unwrap(), 250 * 251 / 2 + 3000);
    // A fold that fails leaves the state as it was saved.
    let mut picky = store
        .project(STREAM, "picky", 0, |sum: &mut u64, event: &Event| {
            if event.version() == 150 {
                return Err(Error::new(ErrorKind::InvalidArgument, "not this one"));
            }
            add(sum, event)
        })
        .await
        .unwrap();
    assert_eq!(
        picky.catch_up().await.unwrap_err().message(),
        "not this one"
    );
    assert_eq!((picky.version(), *picky.state()), (100, 100 * 101 / 2));

    // It follows.
    let stop = CancellationToken::new();
    let follow = {
        let stop = stop.clone();
        tokio::spawn(async move {
            sum.run(stop).await.unwrap();
            *sum.state()
        })
    };
    store
        .append(STREAM, Expected::Any, [event(4000)])
        .await
        .unwrap();
    let mut seen = store
        .subscribe(STREAM, "watch", ReplayFrom::Version(253))
        .await
        .unwrap();
    seen.next().await.unwrap();
    let saved = async {
        while store
            .project(STREAM, "sum", 0, add)
            .await
            .unwrap()
            .version()
            < 253
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, saved)
        .await
        .expect("it is taken in");
    stop.cancel();
    assert_eq!(follow.await.unwrap(), 250 * 251 / 2 + 7000);
}

pub(crate) async fn a_projection_that_is_stopped_is_what_it_saved<F: Fixture>(f: F) {
    let store = filled(&f, 5).await;
    let stop = CancellationToken::new();
    // Stopped when it has taken in an event and not saved it yet.
    let fold = |sum: &mut u64, event: &Event| {
        stop.cancel();
        add(sum, event)
    };
    let mut sum = store.project(STREAM, "sum", 0, fold).await.unwrap();
    let run = sum.run(stop.clone());
    tokio::time::timeout(PATIENCE, run)
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!((sum.version(), *sum.state()), (5, 15));
    let saved = store.project(STREAM, "sum", 0, add).await.unwrap();
    assert_eq!((saved.version(), *saved.state()), (5, 15));
}

pub(crate) async fn a_snapshot_spares_the_events_before_it<F: Fixture>(f: F) {
    let store = filled(&f, 20).await;
    let counted = |seen: &mut u64| {
        *seen = 0;
    };
    let mut seen = 0_u64;
    let rebuild = async |seen: &mut u64| {
        counted(seen);
        let rebuilt = store.rebuild(STREAM, "sum", 0_u64, |sum, event| {
            *seen += 1;
            add(sum, event)
        });
        rebuilt.await.unwrap()
    };
    let whole = rebuild(&mut seen).await;
    assert_eq!((whole.version, whole.state, seen), (20, 210, 20));
    assert!(
        store
            .save_snapshot(STREAM, "sum", 20, &whole.state)
            .await
            .unwrap()
    );
    assert!(
        !store
            .save_snapshot(STREAM, "sum", 7, &28_u64)
            .await
            .unwrap(),
        "an earlier one"
    );
    store
        .append(STREAM, Expected::Version(20), [event(21)])
        .await
        .unwrap();
    let whole = rebuild(&mut seen).await;
    assert_eq!((whole.version, whole.state, seen), (21, 231, 1));
    let wrong = store
        .snapshot::<Vec<String>>(STREAM, "sum")
        .await
        .unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Codec);
    assert_eq!(store.snapshot::<u64>(STREAM, "other").await.unwrap(), None);
}
