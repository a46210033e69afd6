//! Records that are sent once, whatever comes of it.

use std::time::Duration;

use super::script::{Act, Found, Say, Script};
use super::{
    LONG, Producer, ProducerSettings, SHORT, is_unanswered, refused, send, send_all, soon, with,
    within,
};
use crate::Failure;

fn once(timeout: Duration) -> ProducerSettings {
    ProducerSettings {
        sends_again: false,
        ..within(timeout)
    }
}

/// How often a value was sent.
fn times(script: &Script, value: &str) -> usize {
    let sent = script.world.sent();
    let values = sent.iter().flat_map(|sent| &sent.values);
    values.filter(|found| *found == value).count()
}

#[tokio::test]
async fn nothing_is_claimed_of_its_sequence() {
    let (script, producer) = with(once(LONG)).await;
    let outcome = send_all(&producer, &["a", "b"]).await;
    assert_eq!(super::offsets(&outcome), [0, 1]);
    send(&producer, "c").await.unwrap();
    assert_eq!(script.world.inner().identified, 0);
    let sent = script.world.sent();
    assert!(sent.iter().all(|sent| sent.place() == (-1, -1, -1)));
    assert_eq!(script.world.stored(0), ["a", "b", "c"]);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_told_as_such() {
    for stores in [true, false] {
        let (script, producer) = with(once(SHORT)).await;
        let silent = Act::KeepSilent { stores };
        script.world.then([Act::HangUp { stores }, silent]);
        for value in ["a", "b"] {
            let told = send(&producer, value).await;
            assert!(is_unanswered(&told), "{told:?}");
        }
        // And goes on.
        send(&producer, "c").await.unwrap();
        assert!(
            ["a", "b", "c"]
                .iter()
                .all(|value| times(&script, value) == 1)
        );
        let wanted: &[&str] = if stores { &["a", "b", "c"] } else { &["c"] };
        assert_eq!(script.world.stored(0), wanted);
    }
}

#[tokio::test]
async fn a_code_is_told_and_whether_it_may_be_stored() {
    let (script, producer) = with(once(LONG)).await;
    let passes = [3, 5, 19, 29, 45, 47, 59, 74, 87].map(|code| (code, Say::Code(code)));
    for (code, say) in passes {
        script.world.then([Act::Each(say)]);
        let value = format!("{say:?}");
        assert_eq!(refused(send(&producer, &value).await), code);
        assert_eq!(times(&script, &value), 1);
        send(&producer, "x").await.unwrap();
    }
    let codes = [6, 7, 13, 20, 56].map(Say::CodeButStore);
    let nothing = [true, false].map(|stores| Say::Nothing { stores });
    for say in codes.into_iter().chain(nothing) {
        script.world.then([Act::Each(say)]);
        let value = format!("{say:?}");
        let told = send(&producer, &value).await;
        assert!(is_unanswered(&told), "{say:?}: {told:?}");
        assert_eq!(times(&script, &value), 1);
        send(&producer, "x").await.unwrap();
    }
    let mut stored = script.world.stored(0);
    stored.retain(|value| value != "x");
    let wanted = codes.into_iter().chain([nothing[0]]);
    assert_eq!(
        stored,
        wanted.map(|say| format!("{say:?}")).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn what_was_never_sent_is_tried_until_its_time_is_over() {
    let script = Script::new(2, &[1]).await;
    let producer = Producer::new(script.cluster(), once(LONG));
    script.world.turn_away(1, 3);
    send(&producer, "a").await.unwrap();
    let producer = Producer::new(script.cluster(), once(SHORT));
    script.world.turn_away(1, usize::MAX);
    let told = send(&producer, "b").await;
    assert!(matches!(told, Err(Failure::Unsent(_))), "{told:?}");
    script.world.turn_away(1, 0);
    send(&producer, "c").await.unwrap();
    assert_eq!(script.world.stored(0), ["a", "c"]);
    assert_eq!(times(&script, "b"), 0);
}

#[tokio::test]
async fn a_leader_that_has_moved_is_found_for_the_next() {
    let script = Script::new(2, &[0]).await;
    let producer = Producer::new(script.cluster(), once(LONG));
    send(&producer, "a").await.unwrap();
    script.world.lead(0, 1);
    // A leader says so, too, if it has stored the record and was replaced before the others had it.
    let told = send(&producer, "b").await;
    assert!(is_unanswered(&told), "{told:?}");
    send(&producer, "c").await.unwrap();
    let found: Vec<_> = script.world.sent().iter().map(|sent| sent.found).collect();
    assert_eq!(
        found,
        [Found::Stored(0), Found::Refused(6), Found::Stored(1)]
    );
}

#[test]
fn what_is_under_way_as_the_runtime_ends_is_not_sent_again() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (of_brokers, first, second) = (runtime(), runtime(), runtime());
    let (script, producer) = of_brokers.block_on(with(once(LONG)));
    let producer = std::sync::Arc::new(producer);
    script.world.then([Act::KeepSilent { stores: true }]);
    let sending = std::sync::Arc::clone(&producer);
    first.spawn(async move { send(&sending, "a").await });
    second.block_on(script.world.arrived(1));
    let waiting = second.spawn({
        let producer = std::sync::Arc::clone(&producer);
        async move { send(&producer, "b").await }
    });
    drop(first);
    second.block_on(async { soon(waiting).await.unwrap().unwrap() });
    assert!(times(&script, "a") == 1 && times(&script, "b") == 1);
    assert_eq!(script.world.stored(0), ["a", "b"]);
}
