//! Event sourcing.

mod tampering;
mod views;

pub(crate) use tampering::*;
pub(crate) use views::*;

use std::collections::BTreeSet;
use std::time::Duration;

use glmsg_broker::Expected;
use glmsg_conformance::Fixture;
use glmsg_core::ManualClock;
use glmsg_patterns::event_sourcing::{
    AppendError, AuditQuery, Event, EventStore, NewEvent, ReplayFrom,
};
use glmsg_tests::BEGINNING;

const STREAM: &str = "account.7";

async fn open<F: Fixture>(f: &F) -> EventStore {
    let store = EventStore::open(&f.broker().await).await;
    store.expect("the backend keeps events")
}

fn event(number: u64) -> NewEvent {
    NewEvent::json("counted", &number).expect("a number is JSON")
}

async fn filled<F: Fixture>(f: &F, count: u64) -> EventStore {
    let store = open(f).await;
    let appended = store.append(STREAM, Expected::NOTHING, (1..=count).map(event));
    assert_eq!(appended.await.expect("it is stored").version, count);
    store
}

async fn all(store: &EventStore, from: ReplayFrom) -> Vec<Event> {
    let mut replay = store.replay(STREAM, from).await.expect("it is read");
    let mut events = Vec::new();
    while let Some(event) = replay.next().await.expect("it is read") {
        events.push(event);
    }
    events
}

fn versions(events: &[Event]) -> Vec<u64> {
    events.iter().map(Event::version).collect()
}

pub(crate) async fn sixteen_writers_leave_no_gap_and_their_conflicts_add_up<F: Fixture>(f: F) {
    const WRITERS: u64 = 16;
    const EACH: u64 = 8;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = open(&f).await;
        writers.spawn(async move {
            let (mut attempts, mut conflicts, mut seen) = (0_u64, 0_u64, 0);
            for number in 0..EACH {
                loop {
                    attempts += 1;
                    let event = event(writer * EACH + number);
                    match store.append(STREAM, Expected::Version(seen), [event]).await {
                        Ok(appended) => {
                            assert_eq!(appended.version, seen + 1);
                            seen = appended.version;
                            break;
                        }
                        Err(AppendError::Conflict(conflict)) => {
                            assert_eq!(conflict.expected, seen);
                            assert!(conflict.actual > seen, "{conflict}");
                            conflicts += 1;
                            seen = conflict.actual;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            (attempts, conflicts)
        });
    }
    let (mut attempts, mut conflicts) = (0, 0);
    while let Some(done) = writers.join_next().await {
        let (a, c) = done.expect("a writer ends well");
        attempts += a;
        conflicts += c;
    }
    println!("{attempts} attempts, {conflicts} conflicts");
    assert_eq!(attempts - conflicts, WRITERS * EACH);
    let store = open(&f).await;
    let events = all(&store, ReplayFrom::Beginning).await;
    assert_eq!(versions(&events), (1..=WRITERS * EACH).collect::<Vec<_>>());
    let data: BTreeSet<u64> = events.iter().map(|e| e.decode().unwrap()).collect();
    assert_eq!(data, (0..WRITERS * EACH).collect());
    let verified = store.verify(STREAM).await.unwrap();
    assert!(verified.is_intact(), "{verified:?}");
    assert_eq!((verified.events, verified.uncovered), (WRITERS * EACH, 0));
}

pub(crate) async fn a_conflict_tells_the_actual_version<F: Fixture>(f: F) {
    let store = filled(&f, 3).await;
    let other = open(&f).await;
    for expected in [0, 2, 4, u64::MAX] {
        for store in [&store, &other] {
            match store
                .append(STREAM, Expected::Version(expected), [event(9)])
                .await
            {
                Err(AppendError::Conflict(conflict)) => {
                    assert_eq!((conflict.expected, conflict.actual), (expected, 3));
                    let error = glmsg_core::Error::from(AppendError::Conflict(conflict));
                    assert_eq!(error.kind(), glmsg_core::ErrorKind::Conflict);
                    assert_eq!(error.context("actual"), Some("3"));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    // Each goes on behind what the other has appended.
    assert_eq!(
        other
            .append(STREAM, Expected::Version(3), [event(4)])
            .await
            .unwrap()
            .version,
        4
    );
    assert_eq!(
        store
            .append(STREAM, Expected::Any, [event(5), event(6)])
            .await
            .unwrap()
            .version,
        6
    );
    assert_eq!(
        other
            .append(STREAM, Expected::Any, [event(7)])
            .await
            .unwrap()
            .version,
        7
    );
    assert_eq!(versions(&store.read(STREAM, 4, 2).await.unwrap()), [5, 6]);
    assert_eq!(store.version(STREAM).await.unwrap(), 7);
    assert!(store.verify(STREAM).await.unwrap().is_intact());
    let nothing: [NewEvent; 0] = [];
    let refused = store.append(STREAM, Expected::Any, nothing).await;
    assert!(matches!(refused, Err(AppendError::Other(_))));
    let streams = store.streams("account", None, 10).await.unwrap();
    assert_eq!(
        streams.iter().map(|s| s.as_str()).collect::<Vec<_>>(),
        [STREAM]
    );
}

pub(crate) async fn a_replay_begins_at_any_version_or_time<F: Fixture>(f: F) {
    let clock = ManualClock::new(BEGINNING);
    let store = open(&f).await.clock(clock.clone());
    // More than are read at once, a second apart.
    for number in 1..=120 {
        store
            .append(STREAM, Expected::Any, [event(number)])
            .await
            .unwrap();
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(
        versions(&all(&store, ReplayFrom::Beginning).await),
        (1..=120).collect::<Vec<_>>()
    );
    assert_eq!(
        versions(&all(&store, ReplayFrom::Version(119)).await),
        [119, 120]
    );
    assert_eq!(
        versions(&all(&store, ReplayFrom::Version(121)).await),
        [0_u64; 0]
    );
    assert!(all(&store, ReplayFrom::Now).await.is_empty());
    for (seconds, first) in [(0, 1), (1, 2), (60, 61), (119, 120)] {
        let time = BEGINNING.after(Duration::from_secs(seconds));
        let from = all(&store, ReplayFrom::Time(time)).await;
        assert_eq!(from[0].version(), first);
        assert_eq!(from[0].recorded_at(), time);
        assert_eq!(from.len() as u64, 121 - first);
    }
    let between = BEGINNING.after(Duration::from_millis(1500));
    assert_eq!(all(&store, ReplayFrom::Time(between)).await[0].version(), 3);
    let later = BEGINNING.after(Duration::from_secs(120));
    assert!(all(&store, ReplayFrom::Time(later)).await.is_empty());
    // A writer whose clock is behind does not make time go back.
    let behind = open(&f).await.clock(ManualClock::new(BEGINNING));
    behind
        .append(STREAM, Expected::Any, [event(121)])
        .await
        .unwrap();
    let last = &all(&store, ReplayFrom::Version(121)).await[0];
    assert_eq!(
        last.recorded_at(),
        BEGINNING.after(Duration::from_secs(119))
    );
}

/// B11 and B53: what was logged is there and is found, whole.
pub(crate) async fn what_agents_did_is_found_by_agent_type_and_time<F: Fixture>(f: F) {
    let clock = ManualClock::new(BEGINNING);
    let store = open(&f).await.clock(clock.clone());
    for number in 0..12_u64 {
        let kind = if number % 2 == 0 {
            "calculation"
        } else {
            "report"
        };
        let agent = ["calc_001", "calc_002", "calc_003"][number as usize % 3];
        store.log_event(kind, &number, Some(agent)).await.unwrap();
        clock.advance(Duration::from_secs(60));
    }
    store
        .log_event("started", "nobody did it", None)
        .await
        .unwrap();
    let stream = "agent.events";
    let ask = async |query: AuditQuery| {
        let page = store.query(&query).await.unwrap();
        (versions(&page.events), page.next)
    };
    let query = || AuditQuery::new(stream);
    assert_eq!(
        ask(query().agent("calc_001")).await,
        (vec![1, 4, 7, 10], None)
    );
    assert_eq!(
        ask(query().event_type("report").agent("calc_001")).await,
        (vec![4, 10], None)
    );
    let at = |minutes: u64| BEGINNING.after(Duration::from_secs(60 * minutes));
    assert_eq!(
        ask(query().from(at(2)).to(at(5))).await,
        (vec![3, 4, 5], None)
    );
    assert_eq!(ask(query().agent("nobody")).await, (vec![], None));
    let (first, next) = ask(query().event_type("calculation").limit(4)).await;
    assert_eq!((first, next), (vec![1, 3, 5, 7], Some(7)));
    let rest = query().event_type("calculation").limit(4).after(7);
    assert_eq!(ask(rest).await, (vec![9, 11], None));
    let page = store.query(&query().event_type("started")).await.unwrap();
    assert_eq!(page.events[0].agent(), None);
    assert_eq!(page.events[0].decode::<String>().unwrap(), "nobody did it");
}
