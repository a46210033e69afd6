//! A publish, its attempts, a retry and a dead letter: one trace.

use glmsg_broker::{BrokerExt, Consumer, HandlerError, Incoming};
use glmsg_core::Message;
use glmsg_tracing::{Relation, TraceContext, TracingLayer};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::Sampler;
use tracing_subscriber::filter::LevelFilter;

use crate::world::{World, attribute, context, expect, is_child, is_root, links_to};

fn message() -> Message {
    Message::builder("flights")
        .payload("a secret payload")
        .key("a secret key")
        .header("token", "a secret header")
        .correlation_id("trip-7")
        .max_retries(1)
        .build()
        .unwrap()
}

fn fail(_: &Message) -> Result<(), HandlerError> {
    Err(HandlerError::retry("no seat"))
}

#[tokio::test]
async fn publisher_consumer_retry_and_dead_letter_are_one_trace() {
    let world = World::new();
    let (consumer, mut attempts) = world.consume("flights", fail).await;
    let message = message();
    let id = message.id().to_string();
    world.broker.send(message).await.unwrap();
    let received = attempts.recv().await.unwrap();
    attempts.recv().await.unwrap();
    consumer.shutdown().await.unwrap();

    let publish = world.span("publish flights");
    assert!(is_root(&publish));
    assert_eq!(publish.span_kind, SpanKind::Producer);
    assert_eq!(TraceContext::of(&received), Some(context(&publish)));
    expect(
        &publish,
        &[
            ("messaging.system", "glmsg"),
            ("glmsg.backend", "memory"),
            ("messaging.operation.name", "publish"),
            ("messaging.operation.type", "send"),
            ("messaging.destination.name", "flights"),
            ("messaging.message.id", &id),
            ("messaging.message.conversation_id", "trip-7"),
            ("messaging.message.body.size", "16"),
        ],
    );
    assert_eq!(attribute(&publish, "messaging.batch.message_count"), None);
    assert_eq!(attribute(&publish, "error.type"), None);

    let attempts = world.named("process flights");
    assert_eq!(attempts.len(), 2);
    for (process, number) in attempts.iter().zip(["1", "2"]) {
        assert_eq!(process.span_kind, SpanKind::Consumer);
        assert!(is_child(process, &publish) && links_to(process, &publish));
        assert!(matches!(process.status, Status::Error { .. }));
        expect(
            process,
            &[
                ("messaging.operation.type", "process"),
                ("messaging.message.id", &id),
                ("messaging.consumer.group.name", "agents"),
                ("glmsg.attempt", number),
                ("error.type", "failed"),
            ],
        );
    }

    let retry = world.span("retry flights");
    assert!(is_child(&retry, &attempts[0]) && links_to(&retry, &publish));
    expect(
        &retry,
        &[
            ("messaging.operation.name", "retry"),
            ("messaging.operation.type", "settle"),
            ("messaging.message.id", &id),
            ("glmsg.attempt", "1"),
            ("glmsg.attempt.outcome", "failed"),
            ("glmsg.retry.delay_ms", "0"),
        ],
    );

    let dead = world.span("dead_letter flights");
    assert!(is_child(&dead, &attempts[1]) && links_to(&dead, &publish));
    expect(
        &dead,
        &[
            ("messaging.operation.type", "settle"),
            ("messaging.message.id", &id),
            ("glmsg.attempt", "2"),
            ("glmsg.dead_letter.reason", "max-retries"),
        ],
    );

    let spans = world.spans();
    assert_eq!(spans.len(), 5);
    let shown = format!("{spans:?}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn attempts_are_traces_of_their_own_where_asked_for() {
    let layer = TracingLayer::new().relation(Relation::Linked);
    let world = World::with(&layer, Sampler::AlwaysOn, LevelFilter::INFO);
    let (consumer, mut attempts) = world.consume("flights", fail).await;
    world.broker.send(message()).await.unwrap();
    attempts.recv().await.unwrap();
    attempts.recv().await.unwrap();
    consumer.shutdown().await.unwrap();

    let publish = world.span("publish flights");
    let attempts = world.named("process flights");
    assert_eq!(attempts.len(), 2);
    for process in &attempts {
        assert!(is_root(process) && links_to(process, &publish));
        let own = process.span_context.trace_id();
        assert_ne!(own, publish.span_context.trace_id());
        expect(process, &[("trace_id", &own.to_string())]);
    }
    let dead = world.span("dead_letter flights");
    assert!(is_child(&dead, &attempts[1]) && links_to(&dead, &publish));
}

#[tokio::test]
async fn what_a_handler_publishes_follows_from_its_message() {
    let world = World::new();
    let next = world.broker.clone();
    let first = Consumer::new(world.broker.clone(), "flights", "agents")
        .start(move |_: Incoming| {
            let next = next.clone();
            async move { Ok(next.send(Message::new("seats", "3")?).await?) }
        })
        .await
        .unwrap();
    let (second, mut seats) = world.consume("seats", |_| Ok(())).await;
    world.broker.send(message()).await.unwrap();
    let seat = seats.recv().await.unwrap();
    first.shutdown().await.unwrap();
    second.shutdown().await.unwrap();

    let process = world.span("process flights");
    assert_eq!(process.status, Status::Unset);
    let publish = world.span("publish seats");
    assert!(is_child(&publish, &process));
    assert_eq!(TraceContext::of(&seat), Some(context(&publish)));
    assert!(is_child(&world.span("process seats"), &publish));
}

#[tokio::test]
async fn a_panic_and_a_refusal_are_told_apart() {
    let world = World::new();
    let (consumer, mut attempts) = world
        .consume("flights", |message| match message.payload().as_ref() {
            b"panic" => panic!("at the disco"),
            _ => Err(HandlerError::reject("no such flight")),
        })
        .await;
    let panicking = Message::builder("flights").payload("panic").max_retries(0);
    for message in [panicking.build().unwrap(), message()] {
        world.broker.send(message).await.unwrap();
        attempts.recv().await.unwrap();
    }
    consumer.shutdown().await.unwrap();

    let dead = world.named("dead_letter flights");
    let [panicked, refused] = &dead[..] else {
        panic!("{dead:?}");
    };
    expect(
        panicked,
        &[
            ("glmsg.attempt.outcome", "panicked"),
            ("glmsg.dead_letter.reason", "max-retries"),
        ],
    );
    expect(
        refused,
        &[
            ("glmsg.attempt.outcome", "rejected"),
            ("glmsg.dead_letter.reason", "rejected"),
        ],
    );
}
