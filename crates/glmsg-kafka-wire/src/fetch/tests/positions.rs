//! Places that are not there.

use kafka_protocol::records::Compression as Codec;

use super::script::{Script, fails, has};
use super::{batch, next, records, settings, topic};
use crate::fetch::{Fetcher, What};
use crate::record::tests::{encode, made};

#[tokio::test]
async fn what_is_out_of_range_is_read_from_the_earliest() {
    for asked in [3, 3000] {
        let mut script = Script::new(&[0]).await;
        script.world.end_at(40, 50);
        let fetcher = Fetcher::new(script.cluster(), settings());
        let generation = fetcher.assign(topic(), 0, asked);
        let call = script.call().await;
        assert_eq!(call.asked(), [(0, asked)]);
        call.answer(vec![fails(0, 1)]);
        let fetched = next(&fetcher).await;
        assert_eq!(fetched.generation, generation);
        let What::Moved {
            asked: was,
            earliest,
        } = fetched.what
        else {
            panic!("{fetched:?}");
        };
        assert_eq!((was, earliest), (asked, 40));
        let call = script.call().await;
        assert_eq!(call.asked(), [(0, 40)]);
        call.answer(vec![has(0, batch(40..42))]);
        assert_eq!(records(&fetcher).await, (vec![40, 41], 42, generation));
    }
}

#[tokio::test]
async fn begin_and_end_have_numbers_of_their_own() {
    let mut script = Script::new(&[0, 0]).await;
    script.world.end_at(40, 50);
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, -2);
    fetcher.assign(topic(), 1, -1);
    let call = script.call().await;
    assert_eq!(call.asked(), [(0, 40), (1, 50)]);
    // That was meant, and is not told.
    call.answer(vec![has(0, batch(40..41))]);
    assert_eq!(records(&fetcher).await.0, [40]);
}

#[tokio::test]
async fn a_batch_that_was_damaged_on_the_way_is_read_again() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    let generation = fetcher.assign(topic(), 0, 0);
    let good = [batch(0..3), batch(3..6)].concat();
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    script
        .call()
        .await
        .answer(vec![has(0, damaged.clone().into())]);
    assert_eq!(records(&fetcher).await, (vec![0, 1, 2], 3, generation));
    let fetched = next(&fetcher).await;
    let What::Damaged {
        offset,
        next: after,
        error,
    } = fetched.what
    else {
        panic!("{fetched:?}");
    };
    assert_eq!((offset, after), (3, Some(6)), "{error}");
    // What was asked for by then is not taken for what follows.
    let mut call = script.call().await;
    while call.asked() != [(0, 3)] {
        let bytes = if call.asked() == [(0, 6)] {
            batch(6..9)
        } else {
            bytes::Bytes::new()
        };
        call.answer(vec![has(0, bytes)]);
        call = script.call().await;
    }
    // It is told of once.
    call.answer(vec![has(0, damaged.into())]);
    script.call().await.answer(vec![has(0, good.into())]);
    assert_eq!(records(&fetcher).await, (vec![3, 4, 5], 6, generation));
}

/// A batch that is looked at only after the next request was sent.
fn large(offset: i64) -> bytes::Bytes {
    encode(&[made(offset, None, &[1; 70_000])], Codec::None)
}

#[tokio::test]
async fn what_was_asked_for_after_a_damaged_batch_is_not_taken() {
    let mut script = Script::new(&[0]).await;
    let fetcher = Fetcher::new(script.cluster(), settings());
    fetcher.assign(topic(), 0, 0);
    let mut damaged = large(1).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let bytes = [&*large(0), &*damaged, &*large(2)].concat();
    script.call().await.answer(vec![has(0, bytes.into())]);
    let call = script.call().await;
    assert_eq!(call.asked(), [(0, 3)]);
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(next(&fetcher).await.what);
    }
    let [
        What::Records(portion),
        What::Damaged {
            offset: 1,
            next: Some(2),
            ..
        },
    ] = &*seen
    else {
        panic!("{seen:?}");
    };
    assert_eq!((portion.next, portion.batches.len()), (1, 1));
    call.answer(vec![has(0, large(3))]);
    let call = script.call().await;
    assert_eq!(call.asked(), [(0, 1)]);
    let bytes = [large(1), large(2)].concat();
    call.answer(vec![has(0, bytes.into())]);
    let What::Records(portion) = next(&fetcher).await.what else {
        panic!("no records");
    };
    assert_eq!((portion.next, portion.batches.len()), (3, 2));
    // Or it is left out, if somebody wants that.
    let generation = fetcher.seek("orders", 0, 8).unwrap();
    let mut call = script.call().await;
    while call.asked() != [(0, 8)] {
        call.answer(Vec::new());
        call = script.call().await;
    }
    call.answer(vec![has(0, batch(8..9))]);
    assert_eq!(records(&fetcher).await, (vec![8], 9, generation));
}
