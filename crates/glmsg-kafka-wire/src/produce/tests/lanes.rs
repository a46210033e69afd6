//! Two requests under way to one broker, of different partitions.

use super::script::{Act, Script};
use super::{LONG, NewRecord, Producer, SHORT, record, soon, within};
use crate::produce::tests::script::TOPIC;

/// A broker that leads so many partitions, and a producer.
async fn leading(partitions: usize) -> (Script, Producer) {
    let script = Script::new(1, &vec![0; partitions]).await;
    let producer = Producer::new(script.cluster(), within(LONG));
    (script, producer)
}

#[tokio::test]
async fn what_is_for_another_partition_does_not_wait_for_an_answer() {
    let (script, producer) = leading(3).await;
    let gate = script.world.hold(Act::Store);
    let first = producer.send(record(0, "a"));
    let others = async {
        script.world.arrived(1).await;
        // These go while nothing is known of the first, one after the other.
        soon(producer.send(record(1, "b"))).await.unwrap();
        soon(producer.send(record(2, "c"))).await.unwrap();
        assert_eq!(script.world.stored(0), [""; 0]);
        drop(gate);
    };
    let (first, ()) = soon(async { tokio::join!(first, others) }).await;
    first.unwrap();
    let connections: Vec<_> = script.world.sent().iter().map(|s| s.connection).collect();
    assert_eq!(
        connections[0], connections[1],
        "one sends both of the others"
    );
    assert_ne!(connections[1], connections[2]);
}

#[tokio::test]
async fn what_is_for_the_same_partition_waits_for_the_answer() {
    let (script, producer) = leading(2).await;
    let gate = script.world.hold(Act::HangUp { stores: true });
    let first = producer.send(record(0, "a"));
    let second = async {
        script.world.arrived(1).await;
        let second = producer.send(record(0, "b"));
        let other = async {
            soon(producer.send(record(1, "x"))).await.unwrap();
            // The broker has had two requests, and nothing more of the first partition.
            assert_eq!(script.world.inner().arrived, 2);
            drop(gate);
        };
        tokio::join!(second, other).0
    };
    let (first, second) = soon(async { tokio::join!(first, second) }).await;
    first.unwrap();
    second.unwrap();
    // The answer that never came cost neither the order nor a second copy.
    assert_eq!(script.world.stored(0), ["a", "b"]);
}

#[tokio::test]
async fn no_more_than_two_are_under_way() {
    let (script, producer) = leading(4).await;
    let gates = [script.world.hold(Act::Store), script.world.hold(Act::Store)];
    for partition in 0..4 {
        let mut call = producer.call(1);
        call.put(0, record(partition, "a")).await.unwrap();
        drop(call);
        let arrived = usize::try_from(partition + 1).unwrap().min(2);
        script.world.arrived(arrived).await;
    }
    // Whoever would send a third has the time to.
    assert!(!producer.flush(SHORT).await);
    assert_eq!(script.world.inner().arrived, 2);
    drop(gates);
    assert!(producer.flush(LONG).await);
    // What waited went with one request.
    assert_eq!(script.world.inner().arrived, 3);
    for partition in 0..4 {
        assert_eq!(script.world.stored(partition), ["a"]);
    }
}

#[tokio::test]
async fn records_without_a_key_go_where_nothing_is_under_way() {
    let (script, producer) = leading(3).await;
    let any = |value: &'static str| NewRecord {
        topic: TOPIC,
        partition: None,
        key: None,
        value: Some(value.as_bytes()),
        headers: None,
    };
    let gate = script.world.hold(Act::Store);
    let first = producer.send(any("first"));
    let others = async {
        script.world.arrived(1).await;
        for _ in 0..20 {
            soon(producer.send(any("x"))).await.unwrap();
        }
        drop(gate);
    };
    let (first, ()) = soon(async { tokio::join!(first, others) }).await;
    first.unwrap();
}
