//! What is gone as it should be is no loss.

use std::time::Duration;

use glmsg_broker::{Overflow, TopicConfig};
use glmsg_core::TopicName;
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_redis::RedisConfig;

use crate::place::{Place, TOPIC, reached};

async fn durable() -> RedisServer {
    RedisServer::start(Kind::Redis7, RedisSetup::default()).await
}

/// Has the server killed and reached again, and one message more that is lost for sure, so that its report ends the wait.
async fn restart(redis: &RedisServer, place: &mut Place) {
    redis.kill9().await;
    redis.restart().await;
    reached(place).await;
    // Deleted behind everybody's back, and found out at the next look.
    let id = place.publish(1).await[0];
    let key = "glmsg:{glmsg/orders}:lane1";
    let last = redis
        .command(&["XREVRANGE", key, "+", "-", "COUNT", "1"])
        .await;
    let last = last.list()[0].list()[0]
        .text()
        .unwrap_or_default()
        .to_owned();
    redis.command(&["XDEL", key, &last]).await;
    let forget: [&[u8]; 3] = [b"SREM", b"glmsg:{glmsg/orders}:ids", id.as_bytes()];
    redis.command(&forget).await;
    redis.command(&["CLIENT", "KILL", "TYPE", "normal"]).await;
}

#[tokio::test]
async fn what_gave_way_in_a_full_topic() {
    let redis = durable().await;
    let mut bounds = TopicConfig::default();
    (bounds.max_len, bounds.overflow) = (30, Overflow::DropOldest);
    let config = RedisConfig::from_url(&redis.url()).expect("a URL");
    let mut place = Place::with(config.topic(bounds)).await;
    place.publish(200).await;
    assert_eq!(place.stored().await.len(), 30);
    restart(&redis, &mut place).await;
    assert_eq!(place.loss().await, (1, 1));
    assert_eq!(place.events(), []);
}

#[tokio::test]
async fn what_was_acked_and_is_too_old() {
    let redis = durable().await;
    let mut bounds = TopicConfig::default();
    bounds.max_age = Duration::from_millis(1);
    let config = RedisConfig::from_url(&redis.url()).expect("a URL");
    let mut place = Place::with(config.topic(bounds)).await;
    place.publish(200).await;
    place.consume(200).await;
    // Looking at the topic drops it.
    let topics = place.broker.topics().await.expect("a server");
    assert_eq!(topics[0].messages, 0, "{topics:?}");
    restart(&redis, &mut place).await;
    assert_eq!(place.loss().await, (1, 1));
    assert_eq!(place.events(), []);
}

#[tokio::test]
async fn what_gave_way_because_every_group_had_it() {
    let redis = durable().await;
    let mut bounds = TopicConfig::default();
    bounds.max_len = 1024;
    let config = RedisConfig::from_url(&redis.url()).expect("a URL");
    let mut place = Place::with(config.topic(bounds)).await;
    for _ in 0..4 {
        place.publish(1000).await;
        place.consume(1000).await;
    }
    assert!(place.stored().await.len() <= 1024);
    restart(&redis, &mut place).await;
    assert_eq!(place.loss().await, (1, 1));
    assert_eq!(place.events(), []);
}

#[tokio::test]
async fn what_was_deleted_with_its_topic() {
    let redis = durable().await;
    let mut place = Place::open(&redis.url()).await;
    place.publish(50).await;
    // By somebody else: this broker does not know.
    let other = Place::open(&redis.url()).await;
    let topic = TopicName::new(TOPIC).expect("a name");
    other
        .broker
        .delete_topic(&topic)
        .await
        .expect("it is there");
    place.publish(5).await;
    restart(&redis, &mut place).await;
    assert_eq!(place.loss().await, (1, 1));
    assert_eq!(place.events(), []);
    assert_eq!(place.stored().await.len(), 6);
}
