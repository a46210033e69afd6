//! What somebody threw away on a server that lives is reported, and not put back.

use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_redis::RedisEvent;

use crate::place::Place;

#[tokio::test]
async fn what_was_flushed_is_reported_and_stays_away() {
    let redis = RedisServer::start(Kind::Redis7, RedisSetup::default()).await;
    let mut place = Place::open(&redis.url()).await;
    place.publish(100).await;
    redis.command(&["FLUSHALL"]).await;
    let later = place.publish(5).await;
    assert_eq!(place.loss().await, (100, 0));
    // It is over: a connection made anew does not find it again.
    redis.command(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    let last = place.publish(5).await;
    let stored = place.stored().await;
    let ids: Vec<_> = later.into_iter().chain(last).collect();
    assert_eq!(stored.into_keys().collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn a_topic_that_is_gone_is_reported_once_whoever_makes_it_anew() {
    let redis = RedisServer::start(Kind::Redis7, RedisSetup::default()).await;
    let (mut one, mut other) = (
        Place::open(&redis.url()).await,
        Place::open(&redis.url()).await,
    );
    one.publish(3).await;
    other.publish(3).await;
    redis.command(&["FLUSHALL"]).await;
    one.publish(1).await;
    other.publish(1).await;
    let is_topic = |event: &RedisEvent| matches!(event, RedisEvent::TopicLost { .. });
    let mut events = one.events();
    events.extend(other.events());
    let times = events.iter().filter(|event| is_topic(event)).count();
    assert_eq!(times, 1, "{events:?}");
}
