//! A server that is killed before its disk has what it acknowledged.

use std::collections::BTreeSet;
use std::time::Duration;

use glmsg_broker::{Frames, TopicConfig};
use glmsg_core::Message;
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_redis::{RedisConfig, RedisEvent};

use crate::place::{PATIENCE, Place, TOPIC};

/// A server that has nothing on its disk but what it is told to save.
pub(crate) async fn forgetful(kind: Kind) -> RedisServer {
    RedisServer::start(kind, RedisSetup::default().args(["--appendonly", "no"])).await
}

async fn all_lost(kind: Kind) {
    let redis = forgetful(kind).await;
    let mut place = Place::open(&redis.url()).await;
    let published = place.publish(300).await;
    redis.kill9().await;
    redis.restart().await;
    // Nobody calls anything.
    assert_eq!(place.loss().await, (300, 300));
    let received = place.consume(300).await;
    let ids: BTreeSet<_> = published.into_iter().collect();
    assert_eq!(received.keys().copied().collect::<BTreeSet<_>>(), ids);
    assert!(received.values().all(|times| *times == 1), "{received:?}");
    let health = place.broker.health().await;
    let told = |name| {
        let mut details = health.details.iter();
        details.any(|(one, number)| *one == name && number == "300")
    };
    assert!(
        told("messages_lost") && told("messages_stored_again"),
        "{health:?}"
    );
    let events = place.events();
    let is_loss = |event: &RedisEvent| matches!(event, RedisEvent::MessagesLost { .. });
    assert!(!events.iter().any(is_loss), "reported once: {events:?}");
}

#[tokio::test]
async fn everything_is_lost_on_redis_7() {
    all_lost(Kind::Redis7).await;
}

#[tokio::test]
async fn everything_is_lost_on_redis_8() {
    all_lost(Kind::Redis8).await;
}

#[tokio::test]
async fn everything_is_lost_on_valkey_9() {
    all_lost(Kind::Valkey9).await;
}

#[tokio::test]
async fn what_was_saved_is_not_lost() {
    let redis = forgetful(Kind::Redis7).await;
    let mut place = Place::open(&redis.url()).await;
    place.publish(70).await;
    redis.command(&["SAVE"]).await;
    place.publish(130).await;
    redis.kill9().await;
    redis.restart().await;
    assert_eq!(place.loss().await, (130, 130));
    let stored = place.stored().await;
    assert_eq!(stored.len(), 200);
    assert!(stored.values().all(|times| *times == 1));
}

#[tokio::test]
async fn a_clock_that_went_back_hides_no_loss() {
    let setup = RedisSetup::default().args(["--appendonly", "no"]);
    let redis = RedisServer::start(Kind::Redis7, setup.movable_clock()).await;
    let mut place = Place::open(&redis.url()).await;
    place.publish(10).await;
    redis.command(&["SAVE"]).await;
    redis.set_clock_offset(3600).await;
    place.publish(10).await;
    redis.kill9().await;
    redis.restart().await;
    redis.set_clock_offset(0).await;
    // What is published now stands before what was lost.
    place.publish(10).await;
    assert_eq!(place.loss().await, (10, 10));
    assert_eq!(place.stored().await.len(), 30);
}

#[tokio::test]
async fn what_is_scheduled_or_urgent_is_stored_again_as_it_was() {
    let redis = forgetful(Kind::Redis7).await;
    let mut place = Place::open(&redis.url()).await;
    let builder = || Message::builder(TOPIC).payload("x");
    let scheduled = builder().delay(Duration::from_secs(3));
    let urgent = builder().priority(glmsg_core::Priority::Critical);
    let with_end = builder().ttl(Duration::from_secs(3600));
    let messages = [scheduled, urgent, with_end].map(|message| message.build().expect("valid"));
    place.store(&messages).await;
    redis.kill9().await;
    redis.restart().await;
    assert_eq!(place.loss().await, (3, 3));
    let received = place.consume(3).await;
    assert!(received.len() == 3 && received.values().all(|times| *times == 1));
}

#[tokio::test]
async fn a_loss_is_counted_also_beyond_what_is_kept() {
    let redis = forgetful(Kind::Redis7).await;
    let mut place = Place::open(&redis.url()).await;
    let messages = |number| {
        let each = (0..number).map(|_| Message::new(TOPIC, vec![0_u8; 50_000]));
        each.map(|m| m.expect("a message")).collect::<Vec<_>>()
    };
    // Eight megabytes, of which four are kept.
    for some in messages(160).chunks(20) {
        place.store(some).await;
    }
    redis.kill9().await;
    redis.restart().await;
    let (lost, stored_again) = place.loss().await;
    assert_eq!(lost, 160);
    assert!((40..=90).contains(&stored_again), "{stored_again}");
}

#[tokio::test]
async fn publishers_that_go_on_lose_nothing() {
    let redis = forgetful(Kind::Redis7).await;
    let mut place = Place::open(&redis.url()).await;
    let mut published = Vec::new();
    for _ in 0..2 {
        published.extend(place.publish(200).await);
        redis.kill9().await;
        let back = async {
            redis.restart().await;
        };
        let (more, ()) = tokio::join!(place.publish(200), back);
        published.extend(more);
        let (lost, stored_again) = place.loss().await;
        assert_eq!(lost, stored_again);
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while place.stored().await.len() < published.len() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "something is missing"
        );
    }
    let stored = place.stored().await;
    assert!(stored.values().all(|times| *times == 1));
}

#[tokio::test]
async fn frames_are_stored_again_message_by_message() {
    let redis = forgetful(Kind::Redis7).await;
    let config = RedisConfig::from_url(&redis.url()).expect("a URL");
    let mut bounds = TopicConfig::default();
    bounds.frames = Some(Frames::default());
    let mut place = Place::with(config.topic(bounds)).await;
    place.publish(300).await;
    let entries = redis.command(&["XLEN", "glmsg:{glmsg/orders}:lane1"]).await;
    let entries = entries.integer().expect("a number");
    assert!(entries < 100, "there are frames: {entries}");
    redis.kill9().await;
    redis.restart().await;
    assert_eq!(place.loss().await, (300, 300));
    let received = place.consume(300).await;
    assert!(received.len() == 300 && received.values().all(|times| *times == 1));
}
