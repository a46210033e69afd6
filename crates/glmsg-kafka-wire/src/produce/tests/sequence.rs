//! Epochs that come to their end.

use super::script::{Act, Say, Script};
use super::{LONG, Producer, offsets, one, record, refused, send, send_all, soon, within};

#[tokio::test]
async fn after_the_last_epoch_the_producer_is_given_another_number() {
    let (script, producer) = one().await;
    script.world.inner().identity.2 = i16::MAX - 1;
    send(&producer, "a").await.unwrap();
    script.world.then([Act::Each(Say::Code(87))]);
    assert_eq!(refused(send(&producer, "x").await), 87);
    send(&producer, "b").await.unwrap();
    script.world.inner().identity.2 = 0;
    // In the last epoch it is the sequence that breaks.
    script.world.then([Act::Each(Say::Code(45))]);
    assert_eq!(offsets(&send_all(&producer, &["c", "d"]).await), [2, 3]);
    send(&producer, "e").await.unwrap();
    assert_eq!(script.world.stored(0), ["a", "b", "c", "d", "e"]);
    let places: Vec<_> = script
        .world
        .sent()
        .iter()
        .map(|sent| sent.place())
        .collect();
    let last = i16::MAX;
    let wanted = [
        (1000, last - 1, 0),
        (1000, last - 1, 1),
        (1000, last, 0),
        (1000, last, 1),
        (1001, 0, 0),
        (1001, 0, 2),
    ];
    assert_eq!(places, wanted);
    assert_eq!(script.world.inner().identified, 2);
}

#[tokio::test]
async fn partitions_keep_their_number_when_another_needs_a_new_one() {
    let script = Script::new(2, &[0, 1]).await;
    let producer = Producer::new(script.cluster(), within(LONG));
    script.world.inner().identity.2 = i16::MAX;
    let send = async |partition, value| soon(producer.send(record(partition, value))).await;
    send(0, "a").await.unwrap();
    send(1, "a").await.unwrap();
    script.world.inner().identity.2 = 0;
    script.world.then([Act::Each(Say::Code(59))]);
    send(0, "b").await.unwrap();
    send(1, "b").await.unwrap();
    let places: Vec<_> = script
        .world
        .sent()
        .iter()
        .map(|sent| sent.place())
        .collect();
    let old = |sequence| (1000, i16::MAX, sequence);
    assert_eq!(places, [old(0), old(0), old(1), (1001, 0, 0), old(1)]);
    assert_eq!(script.world.stored(0), ["a", "b"]);
    assert_eq!(script.world.stored(1), ["a", "b"]);
}
