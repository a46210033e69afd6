//! Publishing and receiving many messages at once, and what is not recorded.

use glmsg_broker::{BrokerExt, SubscribeOptions};
use glmsg_core::Message;
use glmsg_tracing::{TraceContext, TracingLayer};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::Sampler;
use tracing_subscriber::filter::LevelFilter;

use crate::world::{World, attribute, context, expect, is_child, links_to};

fn message(topic: &str) -> Message {
    Message::new(topic, "DTW-LAS").unwrap()
}

#[tokio::test]
async fn a_batch_is_one_span_and_its_receive_links_to_it() {
    let world = World::with(&TracingLayer::new(), Sampler::AlwaysOn, LevelFilter::DEBUG);
    let batch: Vec<_> = (0..3).map(|_| message("flights")).collect();
    world.broker.publish(&batch).await.unwrap();
    let options = SubscribeOptions::new("flights", "agents").unwrap();
    let mut subscription = world.broker.subscribe(options).await.unwrap();
    let deliveries = subscription.recv_batch(3).await.unwrap();
    let publish = world.span("publish flights");
    expect(&publish, &[("messaging.batch.message_count", "3")]);
    assert_eq!(attribute(&publish, "messaging.message.id"), None);
    for (delivery, sent) in deliveries.iter().zip(&batch) {
        assert_eq!(delivery.id(), sent.id());
        assert_eq!(TraceContext::of(delivery), Some(context(&publish)));
    }
    let receive = world.span("receive flights");
    assert_eq!(receive.span_kind, SpanKind::Consumer);
    assert_eq!(receive.links.len(), 3);
    assert!(links_to(&receive, &publish));
    expect(
        &receive,
        &[
            ("messaging.batch.message_count", "3"),
            ("messaging.consumer.group.name", "agents"),
        ],
    );
}

#[tokio::test]
async fn a_batch_for_several_topics_names_none() {
    let world = World::new();
    let batch = [message("flights"), message("seats")];
    world.broker.publish(&batch).await.unwrap();
    let publish = world.span("publish");
    assert_eq!(attribute(&publish, "messaging.destination.name"), None);
}

#[tokio::test]
async fn a_message_of_a_trace_stays_in_it() {
    let world = World::new();
    let (consumer, mut received) = world.consume("flights", |_| Ok(())).await;
    let origin = TraceContext::generate(true);
    let message = message("flights").with_traceparent(&origin.to_string());
    world.broker.send(message.unwrap()).await.unwrap();
    let received = received.recv().await.unwrap();
    consumer.shutdown().await.unwrap();
    assert_eq!(TraceContext::of(&received), Some(origin));
    let publish = world.span("publish flights");
    let linked = &publish.links[0].span_context;
    assert_eq!(
        linked.span_id().to_string(),
        format!("{:016x}", origin.span_id())
    );
    let process = world.span("process flights");
    assert_eq!(process.span_context.trace_id(), linked.trace_id());
}

#[tokio::test]
async fn a_publish_is_in_the_span_of_its_caller() {
    use tracing::Instrument;

    let world = World::new();
    let request = tracing::info_span!("request");
    let sent = world.broker.send(message("flights"));
    sent.instrument(request).await.unwrap();
    let publish = world.span("publish flights");
    assert!(is_child(&publish, &world.span("request")));
}

#[tokio::test]
async fn a_publish_is_in_the_trace_that_was_entered() {
    use tracing::Instrument;

    let world = World::new();
    let request = TraceContext::generate(true);
    let sent = world.broker.send(message("flights"));
    request.scope(sent).await.unwrap();
    let publish = world.span("publish flights");
    assert_eq!(context(&publish).trace_id(), request.trace_id());
    let parent = format!("{:016x}", request.span_id());
    assert_eq!(publish.parent_span_id.to_string(), parent);

    // A span that is exported goes before it.
    let work = tracing::info_span!("work");
    let sent = world.broker.send(message("seats"));
    request.scope(sent.instrument(work)).await.unwrap();
    assert!(is_child(&world.span("publish seats"), &world.span("work")));
}

#[tokio::test]
async fn a_refused_message_is_an_error_of_its_publish() {
    let world = World::new();
    let large = vec![0_u8; 2 * 1024 * 1024];
    let batch = [message("flights"), Message::new("flights", large).unwrap()];
    world.broker.publish(&batch).await.unwrap();
    let publish = world.span("publish flights");
    assert!(matches!(publish.status, Status::Error { .. }));
    expect(
        &publish,
        &[("error.type", "too-large"), ("glmsg.not_stored", "1")],
    );
}

#[tokio::test]
async fn whoever_does_not_record_says_so_to_the_next() {
    let world = World::with(&TracingLayer::new(), Sampler::AlwaysOff, LevelFilter::INFO);
    let (consumer, mut received) = world.consume("flights", |_| Ok(())).await;
    world.broker.send(message("flights")).await.unwrap();
    let received = received.recv().await.unwrap();
    consumer.shutdown().await.unwrap();
    let context = TraceContext::of(&received).unwrap();
    assert!(!context.is_sampled());
    assert!(world.spans().is_empty());
}

#[tokio::test]
async fn a_trace_goes_through_a_message_that_is_published_again() {
    let world = World::new();
    let message = message("flights");
    for _ in 0..2 {
        world.broker.send(message.clone()).await.unwrap();
    }
    let lag = world.broker.topics().await.unwrap();
    assert_eq!(lag.len(), 1);
    let options = SubscribeOptions::new("flights", "agents").unwrap();
    let mut subscription = world.broker.subscribe(options).await.unwrap();
    let batch = subscription.recv_batch(2).await.unwrap();
    assert_eq!(batch.len(), 1, "the second was a duplicate");
    let first = &world.named("publish flights")[0];
    assert_eq!(TraceContext::of(&batch[0]), Some(context(first)));
}
