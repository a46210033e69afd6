//! Reading as it goes when nothing is wrong.

use super::script::{Script, has};
use super::{batch, next, records, settings, topic};
use crate::fetch::{Fetcher, What};

#[tokio::test]
async fn each_request_goes_on_where_the_one_before_ended() {
    let mut script = Script::new(&[0, 0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    let first = fetcher.assign(topic(), 0, 10);
    let second = fetcher.assign(topic(), 1, 20);
    let call = script.call().await;
    assert_eq!(call.session(), (0, 0));
    assert_eq!(call.asked(), [(0, 10), (1, 20)]);
    assert_eq!(call.request.isolation_level, 1);
    call.answer(vec![has(0, batch(10..12)), has(1, batch(20..21))]);
    let mut got = [records(&fetcher).await, records(&fetcher).await];
    got.sort();
    assert_eq!(got[0], (vec![10, 11], 12, first));
    assert_eq!(got[1], (vec![20], 21, second));

    // It was sent before anything was taken, and says what has changed.
    let call = script.call().await;
    assert_eq!(
        (call.session(), call.asked()),
        ((7, 1), vec![(0, 12), (1, 21)])
    );
    call.answer(vec![has(1, batch(21..24))]);
    assert_eq!(records(&fetcher).await, (vec![21, 22, 23], 24, second));
    let call = script.call().await;
    assert_eq!((call.session(), call.asked()), ((7, 2), vec![(1, 24)]));
    call.answer(Vec::new());
    let call = script.call().await;
    assert_eq!((call.session(), call.asked()), ((7, 3), vec![]));

    fetcher.unassign("orders", 0);
    call.answer(vec![has(0, batch(12..13)), has(1, batch(24..25))]);
    assert_eq!(records(&fetcher).await, (vec![24], 25, second));
    let call = script.call().await;
    assert_eq!((call.asked(), call.forgotten()), (vec![(1, 25)], vec![0]));
    assert!(fetcher.try_next().is_none());
    let marks = fetcher.watermarks("orders", 1).unwrap();
    assert_eq!((marks.next, marks.high_watermark), (25, 1000));
    assert_eq!(fetcher.watermarks("orders", 0), None);
}

#[tokio::test]
async fn the_first_answer_is_told_though_there_is_nothing() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    let generation = fetcher.assign(topic(), 0, 10);
    script
        .call()
        .await
        .answer(vec![has(0, bytes::Bytes::new())]);
    let fetched = next(&fetcher).await;
    let What::Records(portion) = &fetched.what else {
        panic!("{fetched:?}");
    };
    assert!(portion.batches.is_empty());
    assert_eq!((portion.next, portion.high_watermark), (10, 1000));
    script
        .call()
        .await
        .answer(vec![has(0, bytes::Bytes::new())]);
    script.call().await.answer(vec![has(0, batch(10..11))]);
    assert_eq!(records(&fetcher).await, (vec![10], 11, generation));
}

#[tokio::test]
async fn a_partition_that_is_assigned_meanwhile_is_read_at_once() {
    let mut script = Script::new(&[0, 0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 10);
    let waiting = script.call().await;
    let second = fetcher.assign(topic(), 1, 20);
    // On a connection of its own, and as long as there is something.
    let aside = script.call().await;
    assert_ne!(aside.connection, waiting.connection);
    assert_eq!((aside.session(), aside.asked()), ((0, -1), vec![(1, 20)]));
    assert!(aside.max_wait().is_zero() && !waiting.max_wait().is_zero());
    let on = aside.connection;
    aside.answer(vec![has(1, batch(20..22))]);
    assert_eq!(records(&fetcher).await, (vec![20, 21], 22, second));
    let aside = script.call().await;
    assert_eq!((aside.connection, aside.asked()), (on, vec![(1, 22)]));
    assert!(aside.max_wait().is_zero());
    aside.answer(vec![has(1, bytes::Bytes::new())]);
    // Then it is waited for, until the other one has both.
    let aside = script.call().await;
    assert_eq!((aside.connection, aside.asked()), (on, vec![(1, 22)]));
    assert!(!aside.max_wait().is_zero() && waiting.is_waiting());
    waiting.answer(vec![has(0, batch(10..11))]);
    assert_eq!(records(&fetcher).await.0, [10]);
    let both = script.call().await;
    assert_eq!(both.asked(), [(0, 11), (1, 22)]);
    // What comes by both ways comes once.
    aside.answer(vec![has(1, batch(22..24))]);
    assert_eq!(records(&fetcher).await, (vec![22, 23], 24, second));
    both.answer(vec![has(1, batch(22..24))]);
    let both = script.call().await;
    assert_eq!(both.asked(), [(1, 24)]);
    both.answer(vec![has(1, batch(24..25))]);
    assert_eq!(records(&fetcher).await, (vec![24], 25, second));
}

#[tokio::test]
async fn after_a_seek_nothing_comes_of_before() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    let before = fetcher.assign(topic(), 0, 10);
    script.call().await.answer(vec![has(0, batch(10..12))]);
    // That is fetched, and this is under way.
    let waiting = script.call().await;
    let after = fetcher.seek("orders", 0, 5).unwrap();
    assert!(after > before);
    let aside = script.call().await;
    assert_eq!(aside.asked(), [(0, 5)]);
    waiting.answer(vec![has(0, batch(12..15))]);
    aside.answer(vec![has(0, batch(5..7))]);
    assert_eq!(records(&fetcher).await, (vec![5, 6], 7, after));
    assert_eq!(fetcher.seek("orders", 4, 5), None);
    assert_eq!(fetcher.seek("others", 0, 5), None);

    let again = fetcher.assign(topic(), 0, 3);
    assert!(again > after);
    let mut call = script.call().await;
    while call.asked() != [(0, 3)] {
        call.answer(Vec::new());
        call = script.call().await;
    }
    call.answer(vec![has(0, batch(3..4))]);
    assert_eq!(records(&fetcher).await, (vec![3], 4, again));
}

#[tokio::test]
async fn what_is_paused_is_kept_and_not_given() {
    let mut script = Script::new(&[0, 0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 10);
    fetcher.assign(topic(), 1, 20);
    let call = script.call().await;
    call.answer(vec![has(0, batch(10..11)), has(1, batch(20..21))]);
    // Both are fetched when the next request is there.
    let call = script.call().await;
    fetcher.pause("orders", 0);
    assert_eq!(records(&fetcher).await.0, [20]);
    assert!(fetcher.try_next().is_none());
    // What was asked for before is kept, too.
    call.answer(vec![has(0, batch(11..13))]);
    let call = script.call().await;
    assert_eq!((call.asked(), call.forgotten()), (vec![], vec![0]));
    assert!(fetcher.try_next().is_none());

    fetcher.resume("orders", 0);
    assert_eq!(records(&fetcher).await.0, [10]);
    assert_eq!(records(&fetcher).await.0, [11, 12]);
    // It is read on though the other request waits.
    let aside = script.call().await;
    assert_eq!((aside.session(), aside.asked()), ((0, -1), vec![(0, 13)]));
    assert!(call.is_waiting());
}

#[tokio::test]
async fn a_partition_that_goes_on_before_its_answer_is_not_asked_for_twice() {
    let mut script = Script::new(&[0, 0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    let generation = fetcher.assign(topic(), 0, 10);
    let waiting = script.call().await;
    fetcher.pause("orders", 0);
    fetcher.resume("orders", 0);
    // The other one is asked for aside, and it alone.
    fetcher.assign(topic(), 1, 20);
    assert_eq!(script.call().await.asked(), [(1, 20)]);
    waiting.answer(vec![has(0, batch(10..11))]);
    assert_eq!(records(&fetcher).await, (vec![10], 11, generation));
}

#[tokio::test]
async fn nothing_is_lost_by_who_gives_up_waiting() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 0);
    let mut expected = 0;
    for at in 0..50 {
        let call = script.call().await;
        call.answer(vec![has(0, batch(at..at + 1))]);
        tokio::select! {
            (offsets, ..) = records(&fetcher) => {
                assert_eq!(offsets, [expected]);
                expected += 1;
            }
            // As much as happens in one turn.
            () = tokio::task::yield_now() => {}
        }
    }
    while expected < 50 {
        assert_eq!(records(&fetcher).await.0, [expected]);
        expected += 1;
    }
}

#[tokio::test]
async fn each_of_several_who_wait_gets_something_else() {
    let mut script = Script::new(&[0, 0, 0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    for partition in 0..3 {
        fetcher.assign(topic(), partition, 0);
    }
    let answering = async {
        let each = (0..3).map(|partition| has(partition, batch(0..1)));
        script.call().await.answer(each.collect());
    };
    let (one, two, three, ()) =
        tokio::join!(next(&fetcher), next(&fetcher), next(&fetcher), answering);
    let mut partitions = [one.partition, two.partition, three.partition];
    partitions.sort_unstable();
    assert_eq!(partitions, [0, 1, 2]);
}

#[tokio::test]
async fn partitions_take_turns() {
    let mut script = Script::new(&[0, 0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 0);
    fetcher.assign(topic(), 1, 0);
    for at in 0..3 {
        let each = (0..2).map(|partition| has(partition, batch(at..at + 1)));
        script.call().await.answer(each.collect());
    }
    script.call().await;
    let mut partitions = Vec::new();
    for _ in 0..6 {
        partitions.push(next(&fetcher).await.partition);
    }
    let first = partitions[0];
    assert_eq!(partitions, [first, 1 - first].repeat(3));
}
