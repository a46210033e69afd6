//! Codes that brokers answer with: those that pass, those after which a sequence begins anew, and those
//! that are final.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::script::{Act, Found, Say, Script};
use super::{
    LONG, Outcome, Producer, ProducerSettings, is_unanswered, offsets, one, record, refused, send,
    send_all, soon, with, within,
};
use crate::produce::Failure;

/// Batches of one or two records.
fn small() -> ProducerSettings {
    ProducerSettings {
        batch: 150,
        ..within(LONG)
    }
}

fn numbers(count: u32) -> Vec<String> {
    (0..count).map(|n| format!("{n:03}")).collect()
}

async fn send_numbers(producer: &Producer, count: u32) -> Outcome {
    let numbers = numbers(count);
    let values: Vec<&str> = numbers.iter().map(String::as_str).collect();
    send_all(producer, &values).await
}

async fn passes(say: fn(i16) -> Say, code: i16, times: usize) {
    let (script, producer) = with(small()).await;
    let again = || (0..times).map(|_| Act::Each(say(code)));
    // Before anything was sent, and between others.
    script.world.then(again());
    script.world.then([Act::Store, Act::Store]);
    script.world.then(again());
    let outcome = send_numbers(&producer, 20).await;
    let wanted: Vec<i64> = (0..20).collect();
    assert_eq!(offsets(&outcome), wanted, "code {code}");
    assert_eq!(script.world.stored(0), numbers(20), "code {code}");
    let sent = script.world.sent();
    let batches = sent.iter().filter(|s| matches!(s.found, Found::Stored(_)));
    assert_eq!(sent.len(), batches.count() + 2 * times);
    // Nothing began anew.
    assert!(sent.iter().all(|sent| sent.producer == (1000, 0)));
}

#[tokio::test]
async fn what_passes_is_waited_out_and_the_order_holds() {
    let mut all = JoinSet::new();
    for code in [2, 3, 5, 6, 7, 13, 19, 20, 56, 74, 75, 100] {
        for times in [1, 2] {
            all.spawn(passes(Say::Code, code, times));
        }
    }
    soon(all.join_all()).await;
}

#[tokio::test]
async fn what_is_stored_in_spite_of_its_code_is_stored_once() {
    let mut all = JoinSet::new();
    for code in [7, 13, 20, 56] {
        for times in [1, 2] {
            all.spawn(passes(Say::CodeButStore, code, times));
        }
    }
    soon(all.join_all()).await;
}

#[tokio::test]
async fn a_broken_sequence_goes_on_in_another_epoch() {
    for code in [45, 47, 59] {
        let (script, producer) = with(small()).await;
        let broken = || Act::Each(Say::Code(code));
        // Twice in a row, too.
        script.world.then([
            Act::Store,
            broken(),
            broken(),
            Act::Store,
            Act::Store,
            broken(),
        ]);
        let outcome = send_numbers(&producer, 20).await;
        let wanted: Vec<i64> = (0..20).collect();
        assert_eq!(offsets(&outcome), wanted, "code {code}");
        assert_eq!(script.world.stored(0), numbers(20), "code {code}");
        let sent = script.world.sent();
        let places: Vec<_> = sent.iter().take(4).map(|sent| sent.place()).collect();
        let second = i32::try_from(sent[0].values.len()).unwrap();
        assert_eq!(
            places,
            [(1000, 0, 0), (1000, 0, second), (1000, 1, 0), (1000, 2, 0)]
        );
        assert_eq!(sent.last().unwrap().producer, (1000, 3));
        assert_eq!(script.world.inner().identified, 1);
    }
}

#[tokio::test]
async fn what_may_be_stored_is_not_sent_again_in_another_epoch() {
    for code in [45, 47, 59] {
        for stores in [true, false] {
            let (script, producer) = one().await;
            send(&producer, "a").await.unwrap();
            script
                .world
                .then([Act::HangUp { stores }, Act::Each(Say::Code(code))]);
            let told = send(&producer, "b").await;
            assert!(is_unanswered(&told), "{told:?}");
            let sent = script.world.sent();
            assert_eq!(sent.len(), 3);
            assert_eq!(sent[1].place(), sent[2].place());
            // What comes next is not taken for it.
            send(&producer, "c").await.unwrap();
            assert_eq!(script.world.sent()[3].place(), (1000, 1, 0));
            let wanted: &[&str] = if stores {
                &["a", "b", "c"]
            } else {
                &["a", "c"]
            };
            assert_eq!(script.world.stored(0), wanted);
        }
    }
}

#[tokio::test]
async fn what_is_refused_is_told_of_these_records_alone() {
    for code in [29, 87, 89] {
        let script = Script::new(1, &[0, 0]).await;
        let producer = Producer::new(script.cluster(), within(LONG));
        send(&producer, "a").await.unwrap();
        script.world.then([Act::With(vec![(0, Say::Code(code))])]);
        let mut call = producer.call(4);
        for (index, partition) in [(0, 1), (1, 0), (2, 0), (3, 1)] {
            let value = index.to_string();
            call.put(index, record(partition, &value)).await.unwrap();
        }
        let mut failed = soon(call.finish()).await.failed;
        failed.sort_by_key(|(index, _)| *index);
        let [(1, Failure::Refused(one)), (2, Failure::Refused(two))] = failed[..] else {
            panic!("{failed:?}");
        };
        assert_eq!((one, two), (code, code));
        // Its sequence may be free or taken: what comes next is of another epoch.
        send(&producer, "b").await.unwrap();
        assert_eq!(script.world.sent().last().unwrap().place(), (1000, 1, 0));
        assert_eq!(script.world.stored(0), ["a", "b"]);
        assert_eq!(script.world.stored(1), ["0", "3"]);
    }
}

#[tokio::test]
async fn what_is_refused_takes_none_of_what_waits_along() {
    let (script, producer) = one().await;
    let producer = Arc::new(producer);
    let gate = script.world.hold(Act::Each(Say::Code(87)));
    let first = tokio::spawn({
        let producer = Arc::clone(&producer);
        async move { send(&producer, "a").await }
    });
    script.world.arrived(1).await;
    let mut call = producer.call(2);
    call.put(0, record(0, "b")).await.unwrap();
    call.put(1, record(0, "c")).await.unwrap();
    drop(gate);
    assert!(soon(call.finish()).await.failed.is_empty());
    assert_eq!(refused(first.await.unwrap()), 87);
    assert_eq!(script.world.stored(0), ["b", "c"]);
}
