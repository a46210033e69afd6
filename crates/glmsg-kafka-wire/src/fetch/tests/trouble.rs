//! Brokers that do not do as they should.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use glmsg_core::ErrorKind;

use super::script::{Script, fails, has};
use super::{batch, next, records, settings, topic};
use crate::fetch::{Fetcher, What};

#[tokio::test]
async fn a_session_that_was_forgotten_is_begun_anew() {
    for code in [70, 71] {
        let mut script = Script::new(&[0]).await;
        let fetcher = Fetcher::new(script.cluster(), settings());
        fetcher.assign(topic(), 0, 10);
        script.call().await.answer(vec![has(0, batch(10..11))]);
        assert_eq!(records(&fetcher).await.0, [10]);
        script.call().await.refuse(code);
        let call = script.call().await;
        assert_eq!((call.session().1, call.asked()), (0, vec![(0, 11)]));
        call.answer(vec![has(0, batch(11..12))]);
        assert_eq!(records(&fetcher).await.0, [11]);
    }
}

#[tokio::test]
async fn another_broker_leads_from_now_on() {
    for code in [5, 6, 9, 56, 74, 75, 3] {
        let mut script = Script::new(&[0, 0]).await;
        let fetcher = Fetcher::new(script.cluster(), settings());
        fetcher.assign(topic(), 0, 10);
        fetcher.assign(topic(), 1, 20);
        let call = script.call().await;
        let asked = script.world.asked.load(SeqCst);
        script.world.lead(Ok(vec![1, 0]));
        call.answer(vec![fails(0, code), has(1, batch(20..21))]);
        assert_eq!(records(&fetcher).await.0, [20]);
        let call = script.call_to(1).await;
        assert!(script.world.asked.load(SeqCst) > asked, "code {code}");
        assert_eq!((call.session(), call.asked()), ((0, 0), vec![(0, 10)]));
        call.answer(vec![has(0, batch(10..11))]);
        assert_eq!(records(&fetcher).await.0, [10]);
    }
}

#[tokio::test]
async fn a_partition_that_nobody_leads_is_waited_for() {
    let mut script = Script::new(&[-1, 0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 10);
    fetcher.assign(topic(), 1, 20);
    let call = script.call().await;
    assert_eq!(call.asked(), [(1, 20)]);
    script.world.lead(Ok(vec![1, 0]));
    script.call_to(1).await.answer(vec![has(0, batch(10..11))]);
    assert_eq!(records(&fetcher).await.0, [10]);
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    // An offset that is not available yet, a broker's own fault, something unheard of.
    for code in [78, -1, 4711] {
        let mut script = Script::new(&[0]).await;
        let fetcher = Fetcher::new(script.cluster(), settings());
        fetcher.assign(topic(), 0, 10);
        script.call().await.answer(vec![fails(0, code)]);
        script.call().await.answer(vec![has(0, batch(10..11))]);
        assert_eq!(records(&fetcher).await.0, [10]);
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_is_made_again() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 10);
    script.call().await.answer(vec![has(0, batch(10..12))]);
    let call = script.call().await;
    let (before, asked) = (call.connection, script.world.asked.load(SeqCst));
    drop(call);
    let call = script.call().await;
    assert_ne!(call.connection, before);
    assert_eq!((call.session(), call.asked()), ((7, 0), vec![(0, 12)]));
    assert!(script.world.asked.load(SeqCst) > asked);
    call.answer(vec![has(0, batch(12..13))]);
    assert_eq!(records(&fetcher).await.0, [10, 11]);
    assert_eq!(records(&fetcher).await.0, [12]);
}

#[tokio::test]
async fn another_broker_leads_once_a_connection_is_lost() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 10);
    let call = script.call().await;
    script.world.lead(Ok(vec![1]));
    drop(call);
    script.call_to(1).await.answer(vec![has(0, batch(10..11))]);
    assert_eq!(records(&fetcher).await.0, [10]);
}

#[tokio::test]
async fn what_is_asked_aside_is_asked_of_another_broker_if_that_leads() {
    let mut script = Script::new(&[0, 0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 10);
    let waiting = script.call().await;
    fetcher.assign(topic(), 1, 20);
    let aside = script.call().await;
    assert_eq!(aside.asked(), [(1, 20)]);
    // Nobody is left who waits for that answer.
    script.world.lead(Ok(vec![1, 1]));
    drop(waiting);
    let mut call = script.call_to(1).await;
    while call.asked() != [(0, 10), (1, 20)] {
        call.answer(Vec::new());
        call = script.call_to(1).await;
    }
    call.answer(vec![has(1, batch(20..21))]);
    assert_eq!(records(&fetcher).await.0, [20]);
    drop(aside);
}

#[tokio::test]
async fn a_broker_that_has_too_much_to_do_is_left_alone_for_a_while() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 10);
    let answered = Instant::now();
    let wait = Duration::from_millis(150);
    script
        .call()
        .await
        .answer_throttled(wait, vec![has(0, batch(10..11))]);
    // What came with it is there at once.
    assert_eq!(records(&fetcher).await.0, [10]);
    script.call().await;
    assert!(answered.elapsed() >= wait);
}

#[tokio::test]
async fn a_partition_that_is_not_there_is_told_of_once_and_waited_for() {
    for world in [Err(3), Ok(vec![0])] {
        let mut script = Script::new(&[0, 0]).await;
        script.world.lead(world);
        let fetcher = Fetcher::new(script.cluster(), settings());
        let generation = fetcher.assign(topic(), 1, 0);
        let fetched = next(&fetcher).await;
        assert_eq!((fetched.partition, fetched.generation), (1, generation));
        let What::Missing(error) = fetched.what else {
            panic!("{fetched:?}");
        };
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        // It was asked for again by now.
        let asked = script.world.asked.load(SeqCst);
        while script.world.asked.load(SeqCst) == asked {
            tokio::task::yield_now().await;
        }
        script.world.lead(Ok(vec![0, 0]));
        script.call().await.answer(vec![has(1, batch(0..1))]);
        assert_eq!(records(&fetcher).await.0, [0]);
    }
}

#[tokio::test]
async fn a_topic_that_is_deleted_is_missing() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 0);
    script.call().await.answer(vec![has(0, batch(0..1))]);
    assert_eq!(records(&fetcher).await.0, [0]);
    let call = script.call().await;
    script.world.lead(Err(3));
    call.answer(vec![fails(0, 3)]);
    let fetched = next(&fetcher).await;
    assert!(matches!(fetched.what, What::Missing(_)), "{fetched:?}");
}

#[tokio::test]
async fn what_is_not_allowed_is_told_of_once_and_tried_again() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 0);
    for _ in 0..2 {
        script.call().await.answer(vec![fails(0, 29)]);
    }
    let fetched = next(&fetcher).await;
    let What::Refused(error) = fetched.what else {
        panic!("{fetched:?}");
    };
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.context("topic"), Some("orders"));
    script.call().await.answer(vec![has(0, batch(0..1))]);
    assert_eq!(records(&fetcher).await.0, [0]);
    // It is told of again where it was allowed in between.
    script.call().await.answer(vec![fails(0, 29)]);
    let fetched = next(&fetcher).await;
    assert!(matches!(fetched.what, What::Refused(_)), "{fetched:?}");

    script.world.lead(Err(29));
    fetcher.assign("others".into(), 0, 0);
    let fetched = next(&fetcher).await;
    assert!(matches!(fetched.what, What::Missing(_)), "{fetched:?}");
}
