//! Connections that end: before a batch is stored, and after.

use super::script::{Act, Found, Inner, Script};
use super::{LONG, Producer, offsets, one, record, send, send_all, soon, within};

#[tokio::test]
async fn a_lost_answer_leaves_the_record_stored_once() {
    let (script, producer) = one().await;
    send(&producer, "a").await.unwrap();
    script.world.then([Act::HangUp { stores: true }]);
    // Its place is that of the first time.
    assert_eq!(offsets(&send_all(&producer, &["b", "c"]).await), [1, 2]);
    send(&producer, "d").await.unwrap();
    assert_eq!(script.world.stored(0), ["a", "b", "c", "d"]);
    let sent = script.world.sent();
    let [a, first, again, d] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!(
        (first.found, again.found),
        (Found::Stored(1), Found::Again(1))
    );
    assert_eq!(first.place(), again.place());
    assert_eq!(first.values, again.values);
    assert_ne!(first.connection, again.connection);
    let places = [a, first, d].map(|sent| sent.place());
    assert_eq!(places, [(1000, 0, 0), (1000, 0, 1), (1000, 0, 3)]);
    assert_eq!(script.world.inner().identified, 1);
}

#[tokio::test]
async fn a_connection_that_ends_before_it_is_stored_costs_nothing() {
    let (script, producer) = one().await;
    script.world.then([Act::HangUp { stores: false }]);
    assert_eq!(offsets(&send_all(&producer, &["a", "b"]).await), [0, 1]);
    assert_eq!(script.world.stored(0), ["a", "b"]);
    let sent = script.world.sent();
    let places: Vec<_> = sent.iter().map(|sent| sent.place()).collect();
    assert_eq!(places, [(1000, 0, 0); 2]);
}

#[tokio::test]
async fn connections_that_are_lost_time_and_again_leave_each_record_once() {
    let (script, producer) = one().await;
    for round in 0..8 {
        let of = |bit: u32| Act::HangUp {
            stores: round & (1 << bit) != 0,
        };
        script.world.then([of(0), of(1), of(2)]);
        let value = round.to_string();
        let offset = i64::from(round);
        assert_eq!(offsets(&send_all(&producer, &[&value]).await), [offset]);
    }
    let wanted: Vec<_> = (0..8).map(|round| round.to_string()).collect();
    assert_eq!(script.world.stored(0), wanted);
    assert_eq!(script.world.sent().len(), 32);
}

#[tokio::test]
async fn connections_that_are_turned_away_are_tried_again() {
    let script = Script::new(2, &[1]).await;
    let producer = Producer::new(script.cluster(), within(LONG));
    script.world.turn_away(1, 3);
    assert_eq!(offsets(&send_all(&producer, &["a", "b"]).await), [0, 1]);
    assert_eq!(script.world.sent().len(), 1);
    assert_eq!(script.world.stored(0), ["a", "b"]);
}

#[tokio::test]
async fn a_broker_that_is_begun_again_gets_what_waits_for_it() {
    let mut script = Script::new(2, &[1]).await;
    let producer = Producer::new(script.cluster(), within(LONG));
    send(&producer, "a").await.unwrap();
    script.stop(1).await;
    let asked = script.world.inner().asked;
    let sending = send_all(&producer, &["b", "c"]);
    let beginning = async {
        // The leader was looked for, found to be the same, and not reached again.
        let is_tried = |inner: &Inner| inner.asked >= asked + 3;
        script.world.until("leaders are looked for", is_tried).await;
        script.start(1).await;
    };
    let (outcome, ()) = tokio::join!(sending, beginning);
    assert_eq!(offsets(&outcome), [1, 2]);
    assert_eq!(script.world.stored(0), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_number_that_is_not_given_yet_is_asked_for_again() {
    let (script, producer) = one().await;
    // The coordinator loads.
    script.world.inner().identity.0 = 14;
    let sending = producer.send(record(0, "a"));
    let loading = async {
        let is_asked = |inner: &Inner| inner.identified >= 3;
        script.world.until("a number is asked for", is_asked).await;
        assert!(script.world.sent().is_empty());
        script.world.inner().identity.0 = 0;
    };
    let (sent, ()) = soon(async { tokio::join!(sending, loading) }).await;
    sent.unwrap();
    assert_eq!(script.world.stored(0), ["a"]);
}
