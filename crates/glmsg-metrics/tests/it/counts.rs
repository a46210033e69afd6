//! What was done, and what the metrics say was done.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use glmsg_broker::{
    Broker, BrokerExt, Consumer, Delivery, HandlerError, Incoming, Layer, MetricsLayer, Requeue,
    RetryPolicy, SubscribeOptions,
};
use glmsg_core::{Clock, DeadLetterReason, ManualClock, Message, SystemClock};
use glmsg_memory::{MemoryBroker, MemoryConfig};
use glmsg_metrics::{Format, METRICS, MetricKind, Options, exposition};

use crate::layered::{layered, layered_with, memory, scraped};

fn messages(topic: &str, count: usize) -> Vec<Message> {
    let message = |_| Message::builder(topic).payload("x").build().expect("valid");
    (0..count).map(message).collect()
}

async fn publish(broker: &Arc<dyn Broker>, messages: &[Message]) {
    for outcome in broker.publish(messages).await.expect("the broker works") {
        outcome.into_result().expect("stored");
    }
}

/// Waits for what a consumer does, which has no event of its own.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(
            tokio::time::Instant::now() < patience,
            "waited 30 s until {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_run_with_failures_is_counted_to_the_message() {
    let (layer, registry) = layered();
    let broker = memory(&layer);
    let sent = messages("orders", 100);
    publish(&broker, &sent).await;
    publish(&broker, &sent[..7]).await;

    // Of a hundred, ten fail once, and five each time.
    let calls = Arc::new(AtomicU64::new(0));
    let (counted, sent) = (calls.clone(), Arc::new(sent));
    let handler = move |incoming: Incoming| {
        counted.fetch_add(1, Relaxed);
        let place = sent.iter().position(|m| m.id() == incoming.id());
        async move {
            match place {
                Some(0..10) if incoming.attempt() == 1 => Err(HandlerError::retry("not yet")),
                Some(95..) => Err(HandlerError::retry("never")),
                _ => Ok::<(), HandlerError>(()),
            }
        }
    };
    let consumer = Consumer::new(broker.clone(), "orders", "billing")
        .retry(RetryPolicy::fixed(Duration::ZERO))
        .start(handler)
        .await
        .expect("it starts");
    let (topic, group) = (
        "orders".try_into().expect("valid"),
        "billing".try_into().expect("valid"),
    );
    until("all is done", async || {
        let lag = broker
            .lag(&topic, &group)
            .await
            .expect("the group is there");
        lag.total() == 0
    })
    .await;
    let report = consumer.shutdown().await.expect("it ends well");

    let found = scraped(&registry);
    let of = |name: &str| found.get(&format!("{name}{{topic=\"orders\",group=\"billing\"}}"));
    let calls = calls.load(Relaxed);
    assert_eq!(
        found.get("messages_published_total{topic=\"orders\"}"),
        100.0
    );
    assert_eq!(found.get("messages_duplicate_total{topic=\"orders\"}"), 7.0);
    assert_eq!(
        found.get("message_publish_seconds_count{topic=\"orders\"}"),
        2.0
    );
    // Four attempts of five messages, two of ten, one of the others.
    assert_eq!(calls, 5 * 4 + 10 * 2 + 85);
    assert_eq!(of("messages_acked_total"), 95.0);
    assert_eq!(of("messages_retried_total"), 10.0 + 5.0 * 3.0);
    assert_eq!(of("messages_failed_total"), 10.0 + 5.0 * 4.0);
    assert_eq!(of("messages_stale_total"), 0.0);
    let released = of("messages_released_total");
    assert_eq!(released, report.stats.released as f64);
    assert_eq!(of("messages_consumed_total") - released, calls as f64);
    assert_eq!(of("message_attempts_total"), of("messages_consumed_total"));
    assert_eq!(of("message_handling_seconds_count"), calls as f64);
    assert_eq!(of("message_critical_seconds_count"), 95.0);
    let first = of("messages_consumed_total") - of("messages_redelivered_total");
    assert_eq!(of("message_latency_seconds_count"), first);
    assert_eq!(of("message_dwell_seconds_count"), first);
    let dead =
        "messages_dead_lettered_total{topic=\"orders\",group=\"billing\",reason=\"max-retries\"}";
    assert_eq!(found.get(dead), 5.0);
    assert_eq!(found.sum("messages_dead_lettered_total"), 5.0);
}

#[tokio::test]
async fn settlements_by_hand_are_counted_by_what_came_of_them() {
    let (layer, registry) = layered();
    let broker = memory(&layer);
    publish(&broker, &messages("orders", 4)).await;
    let options = SubscribeOptions::new("orders", "billing").expect("valid");
    let mut orders = broker.subscribe(options).await.expect("subscribed");
    let mut taken: Vec<Delivery> = Vec::new();
    while taken.len() < 4 {
        taken.extend(orders.recv_batch(4).await.expect("there are four"));
    }
    let mut taken = taken.into_iter();
    let mut next = || taken.next().expect("four were taken");
    next().ack().await.expect("acked");
    next().nack("no", Requeue::Never).await.expect("rejected");
    next()
        .nack("later", Requeue::After(Duration::from_secs(60)))
        .await
        .expect("retried");
    next().release().await.expect("released");
    let found = scraped(&registry);
    let of = |name: &str| found.get(&format!("{name}{{topic=\"orders\",group=\"billing\"}}"));
    let counts = [
        ("messages_acked_total", 1.0),
        ("messages_failed_total", 2.0),
        ("messages_retried_total", 1.0),
        ("messages_released_total", 1.0),
    ];
    for (name, count) in counts {
        assert_eq!(of(name), count, "{name}");
    }
    assert_eq!(found.sum("messages_dead_lettered_total"), 1.0);
}

#[tokio::test]
async fn what_expires_is_a_dead_letter_with_its_reason() {
    let (layer, registry) = layered();
    let clock = ManualClock::new(SystemClock.now());
    let memory = MemoryBroker::new(MemoryConfig::default().clock(clock.clone()));
    let broker = layer.layer(Arc::new(memory));
    let ttl = Duration::from_secs(1);
    let short = Message::builder("orders").payload("x").ttl(ttl);
    publish(&broker, &[short.build().expect("valid")]).await;
    clock.advance(2 * ttl);
    let consumer = Consumer::new(broker.clone(), "orders", "billing")
        .start(|_: Incoming| async { Ok::<(), HandlerError>(()) })
        .await
        .expect("it starts");
    let reason = DeadLetterReason::Expired;
    let key = format!(
        "messages_dead_lettered_total{{topic=\"orders\",group=\"billing\",reason=\"{reason}\"}}"
    );
    until("it has expired", async || {
        scraped(&registry).get(&key) == 1.0
    })
    .await;
    consumer.shutdown().await.expect("it ends well");
}

#[tokio::test]
async fn topics_and_groups_beyond_the_bound_are_counted_as_other() {
    let (layer, registry) = layered_with(Options::default().max_series(5));
    let broker = memory(&layer);
    for topic in 0..20 {
        publish(&broker, &messages(&format!("topic-{topic}"), 3)).await;
        let options = SubscribeOptions::new(format!("topic-{topic}"), "g").expect("valid");
        let mut source = broker.subscribe(options).await.expect("subscribed");
        source
            .recv()
            .await
            .expect("there are three")
            .ack()
            .await
            .expect("acked");
    }
    let found = scraped(&registry);
    assert_eq!(found.count("messages_published_total"), 5);
    assert_eq!(found.sum("messages_published_total"), 60.0);
    assert_eq!(found.get("messages_published_total{topic=\"other\"}"), 48.0);
    assert_eq!(found.count("messages_acked_total"), 5);
    assert_eq!(
        found.get("messages_acked_total{topic=\"other\",group=\"other\"}"),
        16.0
    );
}

#[tokio::test]
async fn a_batch_of_several_topics_is_counted_by_topic() {
    let (layer, registry) = layered();
    let broker = memory(&layer);
    let mut mixed = messages("a", 2);
    mixed.extend(messages("b", 3));
    mixed.extend(messages("a", 4));
    publish(&broker, &mixed).await;
    let found = scraped(&registry);
    assert_eq!(found.get("messages_published_total{topic=\"a\"}"), 6.0);
    assert_eq!(found.get("messages_published_total{topic=\"b\"}"), 3.0);
    for topic in ["a", "b"] {
        let calls = format!("message_publish_seconds_count{{topic=\"{topic}\"}}");
        assert_eq!(found.get(&calls), 1.0, "it was one call");
    }
}

#[tokio::test]
async fn a_message_that_no_handler_was_given_is_not_timed() {
    let (layer, registry) = layered();
    let broker = memory(&layer);
    publish(&broker, &messages("orders", 1)).await;
    let options = SubscribeOptions::new("orders", "billing").expect("valid");
    let mut orders = broker.subscribe(options).await.expect("subscribed");
    let first = orders.recv().await.expect("there is one");
    first.nack("not yet", Requeue::NOW).await.expect("retried");
    orders.close().await.expect("closed");
    // It allows one attempt, and this is the second.
    let consumer = Consumer::new(broker.clone(), "orders", "billing")
        .retry(RetryPolicy::default().max_attempts(1))
        .start(|_: Incoming| async { Ok::<(), HandlerError>(()) })
        .await
        .expect("it starts");
    until("it is a dead letter", async || {
        scraped(&registry).sum("messages_dead_lettered_total") == 1.0
    })
    .await;
    consumer.shutdown().await.expect("it ends well");
    let found = scraped(&registry);
    assert_eq!(found.sum("message_handling_seconds_count"), 0.0);
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let (layer, registry) = layered();
    let full = glmsg_broker::TopicConfig::default().max_len(1);
    let broker = memory(&layer);
    let topic = "orders".try_into().expect("valid");
    broker.create_topic(&topic, &full).await.expect("created");
    let group = "g".try_into().expect("valid");
    broker
        .create_group(&topic, &group, &glmsg_broker::GroupConfig::default())
        .await
        .expect("created");
    broker
        .publish(&messages("orders", 3))
        .await
        .expect("answered");
    broker.close().await.expect("closed");
    broker
        .publish(&messages("orders", 5))
        .await
        .expect_err("it is closed");
    let found = scraped(&registry);
    let refused = |reason: &str| {
        found.get(&format!(
            "messages_refused_total{{topic=\"orders\",reason=\"{reason}\"}}"
        ))
    };
    assert_eq!(refused("full"), 2.0);
    assert_eq!(refused("error"), 5.0);
}

/// Handlers are timed wherever the layer stands among others.
#[tokio::test]
async fn handlers_are_timed_below_a_layer_that_keeps_metrics_too() {
    let (layer, registry) = layered();
    let below = layer.layer(Arc::new(MemoryBroker::default()));
    let broker = MetricsLayer::new().layer(below);
    publish(&broker, &messages("orders", 3)).await;
    let consumer = Consumer::new(broker.clone(), "orders", "billing")
        .start(|_: Incoming| async { Ok::<(), HandlerError>(()) })
        .await
        .expect("it starts");
    let key = "message_handling_seconds_count{topic=\"orders\",group=\"billing\"}";
    until("three are handled", async || {
        scraped(&registry).get(key) == 3.0
    })
    .await;
    consumer.shutdown().await.expect("it ends well");
    assert_eq!(
        broker
            .metrics()
            .expect("it keeps some")
            .snapshot()
            .handling_latency
            .count,
        3
    );
}

#[test]
fn every_metric_is_exposed_as_the_catalog_says_in_both_formats() {
    let (layer, registry) = layered();
    let _gauge = layer.breaker("b");
    let found = scraped(&registry);
    for info in METRICS {
        let kind = match info.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        assert_eq!(found.kinds[info.name], kind, "{}", info.name);
        assert_eq!(
            info.kind == MetricKind::Counter,
            info.name.ends_with("_total")
        );
    }
    assert_eq!(
        found.kinds.len(),
        METRICS.len(),
        "a metric is not in the catalog"
    );
    assert!(found.has(&format!(
        "glmsg_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    )));

    let open = exposition(&registry, Format::OpenMetrics).expect("it can be written");
    assert!(open.ends_with("# EOF\n"));
    assert!(open.contains("# UNIT message_latency_seconds seconds\n"));
    assert!(open.contains("# UNIT consumer_lag_messages messages\n"));
    assert!(open.contains("# TYPE messages_published counter\n"));
}
