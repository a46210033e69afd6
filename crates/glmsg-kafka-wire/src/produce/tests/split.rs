//! Batches that are too large for a broker.

use super::script::{Act, Say};
use super::{
    LONG, ProducerSettings, is_unanswered, one, record, refused, send, send_all, soon, with, within,
};
use crate::{Compression, Failure};

#[tokio::test]
async fn what_is_too_large_together_goes_in_parts() {
    let codecs = [Compression::None, Compression::Gzip, Compression::Snappy];
    for compression in codecs.into_iter().chain([Compression::Lz4]) {
        let (script, producer) = with(ProducerSettings {
            compression,
            ..within(LONG)
        })
        .await;
        script.world.inner().most = 300;
        // What cannot be made small.
        let mut random = fastrand::Rng::with_seed(7);
        let large: String = (0..3_000).map(|_| random.alphanumeric()).collect();
        let values: Vec<String> = (0..30).map(|n| format!("{n}-{}", random.u64(..))).collect();
        let mut call = producer.call(31);
        call.tell_places();
        for (index, value) in (0..).zip(&values) {
            if index == 17 {
                call.put(99, record(0, &large)).await.unwrap();
            }
            call.put(index, record(0, value)).await.unwrap();
        }
        let outcome = soon(call.finish()).await;
        let [(99, Failure::Refused(10))] = outcome.failed[..] else {
            panic!("{compression:?}: {outcome:?}");
        };
        assert_eq!(script.world.stored(0), values);
        let sent = script.world.sent();
        assert!(sent.iter().all(|sent| sent.compression == compression));
        let mut places = outcome.places;
        places.sort_by_key(|(index, _)| *index);
        let wanted: Vec<_> = (0..30_u32).map(|n| (n, i64::from(n))).collect();
        let told: Vec<_> = places.iter().map(|(n, place)| (*n, place.offset)).collect();
        assert_eq!(told, wanted);
        // And goes on.
        send(&producer, "z").await.unwrap();
        assert!(producer.flush(LONG).await);
    }
}

#[tokio::test]
async fn one_that_is_too_large_alone_is_refused() {
    let (script, producer) = one().await;
    script.world.inner().most = 300;
    assert_eq!(refused(send(&producer, &"x".repeat(400)).await), 10);
    send(&producer, "a").await.unwrap();
    assert_eq!(script.world.stored(0), ["a"]);
}

#[tokio::test]
async fn what_may_be_stored_is_not_sent_in_parts() {
    let (script, producer) = one().await;
    let too_large = Act::Each(Say::Code(10));
    script.world.then([Act::HangUp { stores: true }, too_large]);
    let outcome = send_all(&producer, &["a", "b"]).await;
    let failed: Vec<_> = outcome
        .failed
        .into_iter()
        .map(|(_, why)| Err(why))
        .collect();
    assert!(
        failed.len() == 2 && failed.iter().all(is_unanswered),
        "{failed:?}"
    );
    send(&producer, "c").await.unwrap();
    assert_eq!(script.world.stored(0), ["a", "b", "c"]);
}
