//! Messages that are settled by hand.

use glmsg_broker::{BrokerExt, Requeue, SubscribeOptions};
use glmsg_core::Message;
use glmsg_tracing::TracingLayer;
use tracing::Instrument;

use crate::world::{World, expect, is_child, links_to};

#[tokio::test]
async fn a_nack_by_hand_is_under_the_process_span() {
    let world = World::new();
    let message = Message::new("flights", "DTW-LAS").unwrap();
    world.broker.send(message).await.unwrap();
    let options = SubscribeOptions::new("flights", "agents").unwrap();
    let group = options.group.clone();
    let mut subscription = world.broker.subscribe(options).await.unwrap();
    let delivery = subscription.recv().await.unwrap();
    let span = TracingLayer::new().process_span(&group, &delivery, delivery.attempt());
    let settled = delivery.nack("no seat", Requeue::Never);
    settled.instrument(span).await.unwrap();

    let publish = world.span("publish flights");
    let process = world.span("process flights");
    assert!(is_child(&process, &publish) && links_to(&process, &publish));
    let nack = world.span("nack flights");
    assert!(is_child(&nack, &process));
    expect(
        &nack,
        &[("glmsg.retried", "0"), ("glmsg.dead_lettered", "1")],
    );
}

#[tokio::test]
async fn a_redrive_says_how_many() {
    let world = World::new();
    let (consumer, mut attempts) = world
        .consume("flights", |_| {
            Err(glmsg_broker::HandlerError::reject("no seat"))
        })
        .await;
    let message = Message::new("flights", "DTW-LAS").unwrap();
    world.broker.send(message).await.unwrap();
    attempts.recv().await.unwrap();
    consumer.shutdown().await.unwrap();
    let (topic, group) = ("flights".parse().unwrap(), "agents".parse().unwrap());
    let all = glmsg_broker::DeadLetterSelector::All;
    let count = world.broker.redrive(&topic, &group, &all).await.unwrap();
    assert_eq!(count, 1);
    let redrive = world.span("redrive flights");
    expect(&redrive, &[("messaging.batch.message_count", "1")]);
}
