//! What is looked for in the background: lag and health.

use std::sync::Arc;

use glmsg_broker::{Broker, GroupConfig};
use glmsg_core::{ErrorKind, GroupName, Message, TopicName};
use glmsg_metrics::{Monitor, Options};

use crate::layered::{layered, layered_with, memory, scraped};

pub(crate) async fn group(
    broker: &Arc<dyn Broker>,
    topic: &str,
    group: &str,
) -> (TopicName, GroupName) {
    let topic = TopicName::new(topic).expect("valid");
    let group = GroupName::new(group).expect("valid");
    let created = broker
        .create_group(&topic, &group, &GroupConfig::default())
        .await;
    created.expect("it is new");
    (topic, group)
}

#[tokio::test]
async fn groups_are_shown_until_they_are_deleted() {
    let (layer, registry) = layered();
    let broker = memory(&layer);
    let (topic, billing) = group(&broker, "orders", "billing").await;
    group(&broker, "orders", "archive").await;
    let message = Message::builder("orders")
        .payload("x")
        .build()
        .expect("valid");
    broker.publish(&[message]).await.expect("stored");
    let monitor = Monitor::start(&layer, broker.clone());
    monitor.look().await.expect("it answers");
    let found = scraped(&registry);
    for name in ["consumer_lag_messages", "consumer_undelivered_messages"] {
        assert_eq!(
            found.get(&format!("{name}{{topic=\"orders\",group=\"billing\"}}")),
            1.0
        );
    }
    assert_eq!(found.count("consumer_oldest_age_seconds"), 2);
    assert_eq!(found.get("broker_connected"), 1.0);
    assert_eq!(found.get("lag_poll_errors_total"), 0.0);

    broker
        .delete_group(&topic, &billing)
        .await
        .expect("deleted");
    monitor.look().await.expect("it answers");
    assert_eq!(scraped(&registry).count("consumer_lag_messages"), 1);
    drop(monitor);
    assert_eq!(scraped(&registry).count("consumer_lag_messages"), 0);
}

#[tokio::test]
async fn only_the_groups_that_are_named_are_watched() {
    let options = Options::default()
        .watch("orders", "billing")
        .expect("valid");
    let (layer, registry) = layered_with(options);
    let broker = memory(&layer);
    group(&broker, "orders", "billing").await;
    group(&broker, "orders", "archive").await;
    let monitor = Monitor::start(&layer, broker);
    monitor.look().await.expect("it answers");
    let found = scraped(&registry);
    assert_eq!(found.count("consumer_lag_messages"), 1);
    assert!(found.has("consumer_lag_messages{topic=\"orders\",group=\"billing\"}"));
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_told_and_the_last_numbers_stay() {
    let (layer, registry) = layered();
    let broker = memory(&layer);
    group(&broker, "orders", "billing").await;
    let monitor = Monitor::start(&layer, broker.clone());
    monitor.look().await.expect("it answers");
    broker.close().await.expect("closed");
    let error = monitor.look().await.expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
    let found = scraped(&registry);
    assert_eq!(found.count("consumer_lag_messages"), 1);
    assert_eq!(found.get("broker_connected"), 0.0);
    assert!(found.get("lag_poll_errors_total") >= 1.0);
}

#[tokio::test]
async fn health_is_asked_for_once_an_interval() {
    let (layer, registry) = layered();
    let broker = memory(&layer);
    let monitor = Monitor::start(&layer, broker.clone());
    let before = monitor.health().health().await;
    assert_eq!(scraped(&registry).get("broker_healthy"), 1.0);
    broker.close().await.expect("closed");
    // The answer is thirty seconds old at most, and so is this one.
    assert_eq!(monitor.health().health().await, before);
}
