//! How much is fetched and not taken.

use kafka_protocol::records::Compression as Codec;

use super::script::{Script, has};
use super::{batch, next, records, settings, topic};
use crate::fetch::{FetchSettings, Fetcher, What};
use crate::record::tests::{encode, made};

fn large(offset: i64) -> bytes::Bytes {
    encode(&[made(offset, None, &[1; 1000])], Codec::None)
}

#[tokio::test]
async fn nothing_is_asked_for_while_there_is_no_room() {
    let mut script = Script::new(&[0]).await;
    let settings = FetchSettings {
        buffer: 2500,
        ..settings()
    };
    let fetcher = Fetcher::new(script.cluster(), settings);
    fetcher.assign(topic(), 0, 0);
    let call = script.call().await;
    assert_eq!(call.request.max_bytes, 2500);
    call.answer(vec![has(0, large(0))]);
    let call = script.call().await;
    assert!(call.request.max_bytes < 1500);
    call.answer(vec![has(0, large(1))]);
    // That is what may be there, and is taken once somebody asks for it.
    while fetcher
        .watermarks("orders", 0)
        .is_none_or(|marks| marks.next < 2)
    {
        tokio::task::yield_now().await;
    }
    assert!(!script.is_asked());
    next(&fetcher).await;
    let call = script.call().await;
    assert_eq!(call.asked(), [(0, 2)]);
}

#[tokio::test]
async fn a_batch_larger_than_the_room_comes_all_the_same() {
    let mut script = Script::new(&[0]).await;
    let settings = FetchSettings {
        buffer: 100,
        max_bytes: 50,
        max_partition_bytes: 20,
        ..settings()
    };
    let fetcher = Fetcher::new(script.cluster(), settings);
    fetcher.assign(topic(), 0, 0);
    for at in 0..3 {
        let call = script.call().await;
        assert_eq!(call.asked().first().copied(), Some((0, at)));
        call.answer(vec![has(0, large(at))]);
        let fetched = next(&fetcher).await;
        let What::Records(portion) = fetched.what else {
            panic!("{fetched:?}");
        };
        assert_eq!(portion.next, at + 1);
    }
}

#[tokio::test]
async fn what_is_kept_for_a_paused_partition_leaves_room_for_others() {
    let mut script = Script::new(&[0, 0]).await;
    let settings = FetchSettings {
        buffer: 1000,
        ..settings()
    };
    let fetcher = Fetcher::new(script.cluster(), settings);
    fetcher.assign(topic(), 0, 0);
    fetcher.assign(topic(), 1, 0);
    script.call().await.answer(vec![has(0, large(0))]);
    while fetcher.watermarks("orders", 0).is_none() {
        tokio::task::yield_now().await;
    }
    assert!(!script.is_asked());
    fetcher.pause("orders", 0);
    let call = script.call().await;
    assert_eq!(call.forgotten(), [0]);
    call.answer(vec![has(1, batch(0..2))]);
    assert_eq!(records(&fetcher).await.0, [0, 1]);
    // It counts again as soon as it is to be taken.
    let call = script.call().await;
    fetcher.resume("orders", 0);
    call.answer(Vec::new());
    next(&fetcher).await;
    let call = script.call().await;
    assert_eq!(call.asked(), [(0, 1)]);
}

#[tokio::test]
async fn who_was_cut_off_twice_goes_first() {
    let mut script = Script::new(&[0, 0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 0);
    fetcher.assign(topic(), 1, 0);
    let cut = large(0).slice(..500);
    script
        .call()
        .await
        .answer(vec![has(0, batch(0..1)), has(1, cut.clone())]);
    let call = script.call().await;
    assert_eq!(call.session(), (7, 1));
    let most = call.request.topics[0]
        .partitions
        .iter()
        .find(|p| p.partition == 1);
    assert!(most.unwrap().partition_max_bytes > 1 << 20);
    call.answer(vec![has(0, batch(1..2)), has(1, cut)]);
    let call = script.call().await;
    assert_eq!(call.session(), (7, 0));
    let order = call.request.topics[0]
        .partitions
        .iter()
        .map(|p| p.partition);
    assert_eq!(order.collect::<Vec<_>>(), [1, 0]);
}

#[tokio::test]
async fn who_was_served_longest_ago_goes_first() {
    let mut script = Script::new(&[0, 0, 0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    for partition in 0..3 {
        fetcher.assign(topic(), partition, 0);
    }
    script.call().await.answer(vec![has(1, batch(0..1))]);
    script.call().await.answer(vec![has(2, batch(0..1))]);
    script.call().await.answer(vec![has(0, batch(0..1))]);
    // As if the broker had forgotten all of it.
    script.call().await.refuse(70);
    let call = script.call().await;
    assert_eq!(call.session(), (0, 0));
    let order = call.request.topics[0]
        .partitions
        .iter()
        .map(|p| p.partition);
    assert_eq!(order.collect::<Vec<_>>(), [1, 2, 0]);
}
