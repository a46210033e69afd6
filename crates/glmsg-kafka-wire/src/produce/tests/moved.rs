//! Partitions that another broker comes to lead.

use super::script::{Act, Found, Inner, Script};
use super::{LONG, Producer, ProducerSettings, offsets, record, send, send_all, soon, within};

/// Two brokers, of which the first one leads.
async fn two(settings: ProducerSettings) -> (Script, Producer) {
    let script = Script::new(2, &[0]).await;
    let producer = Producer::new(script.cluster(), settings);
    send(&producer, "a").await.unwrap();
    (script, producer)
}

#[tokio::test]
async fn what_is_under_way_follows_the_leader_in_its_order() {
    let (script, producer) = two(ProducerSettings {
        batch: 150,
        ..within(LONG)
    })
    .await;
    let gate = script.world.hold(Act::Store);
    let values: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let mut call = producer.call(20);
    call.tell_places();
    for (index, value) in (0..).zip(&values) {
        call.put(index, record(0, value)).await.unwrap();
    }
    let moving = async {
        script.world.arrived(2).await;
        script.world.lead(0, 1);
        drop(gate);
    };
    let (outcome, ()) = soon(async { tokio::join!(call.finish(), moving) }).await;
    assert_eq!(offsets(&outcome), (1..21).collect::<Vec<_>>());
    assert_eq!(script.world.stored(0)[1..], values);
    let sent = script.world.sent();
    assert_eq!(sent[1].found, Found::Refused(6));
    assert_eq!(sent[1].place(), sent[2].place());
    assert!(sent[2..].iter().all(|sent| sent.node == 1));
}

#[tokio::test]
async fn an_answer_that_is_lost_with_its_broker_is_given_by_the_next() {
    let (mut script, producer) = two(within(LONG)).await;
    let gate = script.world.hold(Act::KeepSilent { stores: true });
    let moving = async {
        script.world.arrived(2).await;
        drop(gate);
        let is_stored = |inner: &Inner| inner.sent.len() == 2;
        script.world.until("it is stored", is_stored).await;
        script.world.lead(0, 1);
        script.stop(0).await;
    };
    let (outcome, ()) = tokio::join!(send_all(&producer, &["b", "c"]), moving);
    assert_eq!(offsets(&outcome), [1, 2]);
    send(&producer, "d").await.unwrap();
    assert_eq!(script.world.stored(0), ["a", "b", "c", "d"]);
    let sent = script.world.sent();
    assert_eq!((sent[2].node, sent[2].found), (1, Found::Again(1)));
    assert_eq!(sent[3].place(), (1000, 0, 3));
}

#[tokio::test]
async fn a_leader_that_moves_to_and_fro_gets_each_record_once() {
    let (script, producer) = two(within(LONG)).await;
    for round in 0..10 {
        script.world.lead(0, 1 - round % 2);
        if round % 3 == 0 {
            script.world.then([Act::HangUp { stores: true }]);
        }
        send(&producer, &round.to_string()).await.unwrap();
    }
    let wanted: Vec<_> = (0..10).map(|round| round.to_string()).collect();
    assert_eq!(script.world.stored(0)[1..], wanted);
}

#[tokio::test]
async fn one_partition_that_is_not_led_does_not_hold_up_others() {
    let script = Script::new(2, &[-1, 1]).await;
    let producer = Producer::new(script.cluster(), within(LONG));
    let waiting = producer.send(record(0, "a"));
    let others = async {
        for n in 0..3 {
            let value = n.to_string();
            soon(producer.send(record(1, &value))).await.unwrap();
        }
        script.world.lead(0, 0);
    };
    let (waited, ()) = soon(async { tokio::join!(waiting, others) }).await;
    waited.unwrap();
    assert_eq!(script.world.stored(0), ["a"]);
    assert_eq!(script.world.stored(1), ["0", "1", "2"]);
}
