//! What the collector receives of a message that fails twice.

use std::path::Path;
use std::time::Duration;

use glmsg_broker::{BrokerExt, Consumer, DeadLetterQuery, HandlerError, Incoming, RetryPolicy};
use glmsg_core::{ErrorKind, Message, Result};
use tokio::sync::mpsc;

use crate::collector::Collector;
use crate::received::Span;
use crate::service;

async fn publish(endpoint: String, store: &Path) -> Result<()> {
    let path = store.to_owned();
    service::run("bookings", endpoint, path, async |broker| {
        let message = Message::builder("flights")
            .payload("DTW-LAS")
            .max_retries(1)
            .build()
            .expect("a message");
        broker
            .send(message)
            .await
            .expect("a message that is stored");
    })
    .await
}

/// Refuses the message as often as it comes, until it is a dead letter.
async fn refuse(endpoint: String, store: &Path) -> Result<()> {
    let path = store.to_owned();
    service::run("agents", endpoint, path, async |broker| {
        let (seen, mut attempts) = mpsc::unbounded_channel();
        let consumer = Consumer::new(broker.clone(), "flights", "agents")
            .retry(RetryPolicy::fixed(Duration::ZERO))
            .start(move |incoming: Incoming| {
                seen.send(incoming.attempt()).expect("the test listens");
                async { Err(HandlerError::retry("no seat")) }
            })
            .await
            .expect("a consumer");
        assert_eq!(attempts.recv().await, Some(1));
        assert_eq!(attempts.recv().await, Some(2));
        consumer.shutdown().await.expect("a consumer that ends");
        let (topic, group) = ("flights".parse(), "agents".parse());
        let query = DeadLetterQuery::new(topic.expect("a name"), group.expect("a name"));
        let page = broker.dead_letters(&query).await.expect("dead letters");
        assert_eq!(page.items.len(), 1);
    })
    .await
}

fn named<'a>(spans: &'a [Span], service: &str, name: &str) -> Vec<&'a Span> {
    let is_it = |span: &&Span| span.service == service && span.name() == name;
    spans.iter().filter(is_it).collect()
}

#[tokio::test]
async fn one_trace_links_publisher_consumer_retry_and_dead_letter() {
    let collector = Collector::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let store = directory.path().join("flights.db");
    publish(collector.endpoint(), &store)
        .await
        .expect("an export");
    refuse(collector.endpoint(), &store)
        .await
        .expect("an export");

    let spans = collector.received(5).await;
    let [publish] = named(&spans, "bookings", "publish flights")[..] else {
        panic!("one publish: {spans:#?}");
    };
    assert_eq!(publish.kind(), Some(4));
    let process = named(&spans, "agents", "process flights");
    let [first, second] = process[..] else {
        panic!("two attempts: {spans:#?}");
    };
    let [retry] = named(&spans, "agents", "retry flights")[..] else {
        panic!("one retry: {spans:#?}");
    };
    let [dead] = named(&spans, "agents", "dead_letter flights")[..] else {
        panic!("one dead letter: {spans:#?}");
    };
    assert_eq!(spans.len(), 5, "{spans:#?}");

    for attempt in [first, second] {
        assert_eq!(attempt.kind(), Some(5));
        assert!(attempt.is_child_of(publish) && attempt.links_to(publish));
    }
    assert!(retry.is_child_of(first) && retry.links_to(publish));
    assert!(dead.is_child_of(second) && dead.links_to(publish));
    let reason = dead.attribute("glmsg.dead_letter.reason");
    assert_eq!(reason, Some("max-retries"));
    let id = publish.attribute("messaging.message.id");
    assert!(id.is_some());
    for span in [first, second, retry, dead] {
        assert_eq!(span.text("traceId"), publish.text("traceId"));
        assert_eq!(span.attribute("messaging.message.id"), id);
    }
}

#[tokio::test]
async fn a_receiver_that_is_away_stops_no_message() {
    let away = glmsg_faults::Port::hold();
    let endpoint = format!("http://{}", away.addr());
    let directory = tempfile::tempdir().expect("a directory");
    let store = directory.path().join("flights.db");
    // The message is stored and handled all the same; the export alone says what is wrong.
    for exported in [
        publish(endpoint.clone(), &store).await,
        refuse(endpoint, &store).await,
    ] {
        let error = exported.expect_err("nobody has received the spans");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}
