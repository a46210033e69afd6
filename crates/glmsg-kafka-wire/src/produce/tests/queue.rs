//! Room for what waits, and what is left behind by those who put it.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::script::{Act, Script};
use super::{LONG, Producer, ProducerSettings, SHORT, one, record, send, soon, with, within};
use crate::Failure;

fn queue(queue: usize) -> ProducerSettings {
    ProducerSettings {
        queue,
        ..within(LONG)
    }
}

#[tokio::test]
async fn who_finds_no_room_waits_for_it_and_goes_on() {
    // Room for about two.
    let (script, producer) = with(queue(250)).await;
    let producer = Arc::new(producer);
    let gate = script.world.hold(Act::Store);
    let mut all = JoinSet::new();
    for n in 0..50 {
        let producer = Arc::clone(&producer);
        all.spawn(async move { send(&producer, &format!("{n:02}")).await });
    }
    script.world.arrived(1).await;
    let waits = producer
        .shared
        .crowd
        .load(std::sync::atomic::Ordering::SeqCst);
    assert!(waits > 20, "{waits}");
    drop(gate);
    for sent in soon(all.join_all()).await {
        sent.unwrap();
    }
    let mut stored = script.world.stored(0);
    stored.sort();
    assert_eq!(
        stored,
        (0..50).map(|n| format!("{n:02}")).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn one_call_of_more_than_there_is_room_for_goes_on() {
    let (script, producer) = with(queue(250)).await;
    let values: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let each: Vec<&str> = values.iter().map(String::as_str).collect();
    let wanted: Vec<i64> = (0..40).collect();
    assert_eq!(
        super::offsets(&super::send_all(&producer, &each).await),
        wanted
    );
    assert_eq!(script.world.stored(0), values);
}

#[tokio::test]
async fn a_record_that_is_larger_than_the_queue_goes_alone() {
    let (script, producer) = with(queue(300)).await;
    let large = "x".repeat(5_000);
    let gate = script.world.hold(Act::Store);
    let first = producer.send(record(0, "a"));
    let others = async {
        script.world.arrived(1).await;
        let second = producer.send(record(0, &large));
        drop(gate);
        second.await
    };
    let (first, second) = soon(async { tokio::join!(first, others) }).await;
    first.unwrap();
    second.unwrap();
    send(&producer, "b").await.unwrap();
    assert_eq!(script.world.stored(0), ["a", &large, "b"]);
    let counts: Vec<_> = script.world.sent().iter().map(|s| s.values.len()).collect();
    assert_eq!(counts, [1, 1, 1]);
}

#[tokio::test]
async fn room_that_does_not_come_is_told() {
    let settings = ProducerSettings {
        timeout: SHORT,
        ..queue(300)
    };
    let (script, producer) = with(settings).await;
    let _gate = script.world.hold(Act::Store);
    let mut held = producer.call(3);
    for index in 0..3 {
        held.put(index, record(0, "x")).await.unwrap();
    }
    let large = "y".repeat(250);
    let mut call = producer.call(1);
    let put = call.put(0, record(0, &large));
    let (held, put) = soon(async { tokio::join!(held.finish(), put) }).await;
    assert_eq!(held.failed.len(), 3);
    // Or there was room just as their time was over.
    if let Err(failure) = put {
        assert!(matches!(failure, Failure::Unsent(_)), "{failure:?}");
    }
}

#[tokio::test]
async fn what_a_call_has_put_is_sent_if_it_is_dropped() {
    let (script, producer) = one().await;
    let mut call = producer.call(5);
    call.put(0, record(0, "a")).await.unwrap();
    call.put(1, record(0, "b")).await.unwrap();
    drop(call);
    assert!(producer.flush(LONG).await);
    assert_eq!(script.world.stored(0), ["a", "b"]);
    // While somebody waits for it.
    let gate = script.world.hold(Act::HangUp { stores: false });
    let sending = producer.send(record(0, "c"));
    tokio::select! {
        sent = sending => panic!("{sent:?}"),
        () = script.world.arrived(2) => {}
    }
    assert!(!producer.flush(std::time::Duration::ZERO).await);
    drop(gate);
    assert!(producer.flush(LONG).await);
    assert_eq!(script.world.stored(0), ["a", "b", "c"]);
}

#[tokio::test]
async fn what_is_queued_is_sent_if_the_producer_is_dropped() {
    let script = Script::new(2, &[0, 1, -1]).await;
    let producer = Producer::new(script.cluster(), within(LONG));
    script.world.then([Act::HangUp { stores: true }]);
    let mut call = producer.call(3);
    for partition in 0..3 {
        let put = call.put(0, record(partition, "x"));
        put.await.unwrap();
    }
    drop(call);
    let shared = Arc::downgrade(&producer.shared);
    drop(producer);
    let is_stored = |inner: &super::script::Inner| inner.sent.len() >= 3;
    script.world.until("two are stored", is_stored).await;
    script.world.lead(2, 0);
    let is_stored = |inner: &super::script::Inner| inner.sent.len() >= 4;
    script.world.until("all are stored", is_stored).await;
    for partition in 0..3 {
        assert_eq!(script.world.stored(partition), ["x"], "{partition}");
    }
    // Its tasks end.
    soon(async {
        while shared.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn flush_waits_for_all_and_for_no_longer_than_it_may() {
    let (script, producer) = one().await;
    assert!(producer.flush(LONG).await);
    let gate = script.world.hold(Act::Store);
    let mut call = producer.call(1);
    call.put(0, record(0, "a")).await.unwrap();
    drop(call);
    assert!(!producer.flush(SHORT).await);
    let opening = async {
        script.world.arrived(1).await;
        drop(gate);
    };
    let (flushed, ()) = tokio::join!(producer.flush(LONG), opening);
    assert!(flushed);
    assert_eq!(script.world.stored(0), ["a"]);
}

#[tokio::test]
async fn what_is_put_within_the_linger_goes_with_one_request() {
    let settings = ProducerSettings {
        linger: SHORT,
        ..within(LONG)
    };
    let (script, producer) = with(settings).await;
    // The task runs.
    send(&producer, "a").await.unwrap();
    let both = async { tokio::join!(producer.send(record(0, "b")), producer.send(record(0, "c"))) };
    let (b, c) = soon(both).await;
    b.unwrap();
    c.unwrap();
    let sent = script.world.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[1].values, ["b", "c"]);
}
