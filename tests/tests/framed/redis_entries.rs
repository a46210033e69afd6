//! Frames as the server has them.

use std::time::Duration;

use futures_util::future::join_all;
use glmsg_broker::{
    Backend, DeadLetterQuery, Frames, Ordering, Published, Received, Settled, Settler, Source,
    SubscribeOptions, TopicConfig,
};
use glmsg_core::{DeadLetterReason, Message, MessageId, Original, TopicName};
use glmsg_faults::server::{Fsync, Kind, RedisServer, RedisSetup};
use glmsg_redis::{RedisBroker, RedisConfig, RedisSource};

const LANE: &str = "glmsg:{glmsg/orders}:lane1";

/// A server with a topic that has frames.
struct Place {
    server: RedisServer,
    broker: RedisBroker,
}

impl Place {
    async fn new(kind: Kind) -> Self {
        let server = RedisServer::start(kind, RedisSetup::default().fsync(Fsync::No)).await;
        let broker = open(&server).await;
        let place = Self { server, broker };
        place
            .set(TopicConfig::default().frames(Frames::default()))
            .await;
        place
    }

    async fn set(&self, config: TopicConfig) {
        let set = self.broker.create_topic(&topic(), &config).await;
        set.expect("the topic");
    }

    async fn publish(&self, messages: &[Message]) {
        let outcomes = self.broker.publish(messages).await.expect("a publish");
        let all = outcomes.iter().all(|o| matches!(o, Published::Stored));
        assert!(all, "{outcomes:?}");
    }

    async fn entries(&self) -> i64 {
        let answer = self.server.command(&["XLEN", LANE]).await;
        answer.integer().expect("a number")
    }

    async fn messages(&self) -> u64 {
        self.broker.topics().await.expect("a list")[0].messages
    }

    async fn join(&self) -> RedisSource {
        let options = SubscribeOptions::new(topic(), "g").expect("names");
        self.broker.subscribe(&options).await.expect("a member")
    }

    /// Takes and acks all that comes; there are so many.
    async fn drain(&self, count: usize) -> Vec<Received> {
        let mut source = self.join().await;
        let got = take(&mut source, count).await;
        let tokens: Vec<_> = got.iter().map(|d| d.token).collect();
        let settled = source.settler().ack(&tokens).await.expect("acks");
        assert_eq!(settled, vec![Settled::Acked; count]);
        let group = "g".try_into().expect("a name");
        let lag = self.broker.lag(&topic(), &group).await;
        assert_eq!(lag.expect("a lag").total(), 0);
        got
    }
}

async fn open(server: &RedisServer) -> RedisBroker {
    let config = RedisConfig::from_url(&server.url()).expect("a URL");
    RedisBroker::open(config).await.expect("a broker")
}

async fn take(source: &mut RedisSource, count: usize) -> Vec<Received> {
    let mut got = Vec::new();
    while got.len() < count {
        let wanted = count - got.len();
        let received = source.recv(&mut got, wanted);
        let within = tokio::time::timeout(Duration::from_secs(30), received).await;
        within
            .expect("something within 30 s")
            .expect("receiving works");
    }
    got
}

fn topic() -> TopicName {
    TopicName::new("orders").expect("a name")
}

fn messages(count: usize) -> Vec<Message> {
    let message = |n: usize| Message::new(topic(), n.to_string()).expect("a message");
    (0..count).map(message).collect()
}

fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(Message::id).collect()
}

fn received(got: &[Received]) -> Vec<MessageId> {
    got.iter().map(|d| d.message.id()).collect()
}

async fn a_publish_is_cut_into_frames(kind: Kind) {
    let place = Place::new(kind).await;
    let all = messages(351);
    place.publish(&all[..100]).await;
    assert_eq!(place.entries().await, 1);
    place.publish(&all[100..350]).await;
    assert_eq!(place.entries().await, 4, "two of a hundred, one of fifty");
    place.publish(&all[350..]).await;
    assert_eq!(place.entries().await, 5, "one alone is an entry of its own");
    assert_eq!(place.messages().await, 351);
    assert_eq!(received(&place.drain(351).await), ids(&all));
    let copy = |message: &Message| {
        let copy = message.to_builder().id(MessageId::new());
        copy.build().expect("a message")
    };
    let copies: Vec<_> = all[..20].iter().map(copy).collect();
    place.publish(&copies).await;
    assert_eq!(place.entries().await, 6, "also those that might be known");
    assert_eq!(received(&place.drain(20).await), ids(&copies));
}

#[tokio::test]
async fn a_publish_is_cut_into_frames_on_redis_7() {
    a_publish_is_cut_into_frames(Kind::Redis7).await;
}

#[tokio::test]
async fn a_publish_is_cut_into_frames_on_redis_8() {
    a_publish_is_cut_into_frames(Kind::Redis8).await;
}

#[tokio::test]
async fn a_publish_is_cut_into_frames_on_valkey_9() {
    a_publish_is_cut_into_frames(Kind::Valkey9).await;
}

#[tokio::test]
async fn single_publishes_of_many_tasks_share_frames() {
    let place = Place::new(Kind::Redis7).await;
    let all = messages(400);
    // The first finds out that there are frames; the others come while it is under way.
    join_all(all.iter().map(|m| place.publish(std::slice::from_ref(m)))).await;
    let entries = place.entries().await;
    assert!((4..=8).contains(&entries), "{entries} entries");
    let mut got = received(&place.drain(400).await);
    let mut expected = ids(&all);
    got.sort();
    expected.sort();
    assert_eq!(got, expected);
}

/// A publisher that comes back again and again alone is not made to wait each time, and its
/// messages are entries of their own.
#[tokio::test]
async fn a_lone_publisher_needs_no_frames() {
    let place = Place::new(Kind::Redis7).await;
    let all = messages(50);
    for message in &all {
        place.publish(std::slice::from_ref(message)).await;
    }
    assert_eq!(place.entries().await, 50);
    assert_eq!(received(&place.drain(50).await), ids(&all));
}

async fn letters(place: &Place) -> Vec<(DeadLetterReason, Original)> {
    let query = DeadLetterQuery::new(topic(), "g".try_into().expect("a name"));
    let page = place.broker.dead_letters(&query).await.expect("a page");
    let letters = page.items.into_iter();
    letters
        .map(|letter| (letter.reason, letter.original))
        .collect()
}

/// A damaged frame is one dead letter; what is no message in a whole frame is one, and its
/// neighbours are delivered.
#[tokio::test]
async fn damage_costs_what_is_damaged() {
    let place = Place::new(Kind::Redis7).await;
    let first = messages(3);
    place.publish(&first).await;
    let no_frame = b"\x8fGF\x01\x00\x00\x00\x02no frame";
    place
        .server
        .command(&[b"XADD", LANE.as_bytes(), b"*", b"f", no_frame])
        .await;
    let message = messages(1).remove(0);
    let envelope = glmsg_core::wire::encode(&message);
    let mut mixed = b"\x8fGF\x01\x00\x00\x00\x02\x00\x00\x00\x03".to_vec();
    mixed.extend_from_slice(&u32::to_be_bytes(
        u32::try_from(3 + envelope.len()).expect("few"),
    ));
    mixed.extend_from_slice(b"bad");
    mixed.extend_from_slice(&envelope);
    place
        .server
        .command(&[b"XADD", LANE.as_bytes(), b"*", b"f", &mixed[..]])
        .await;
    let last = messages(2);
    place.publish(&last).await;

    let got = place.drain(6).await;
    let expected = [ids(&first), vec![message.id()], ids(&last)].concat();
    assert_eq!(received(&got), expected);
    let letters = letters(&place).await;
    let bytes: Vec<_> = letters
        .iter()
        .map(|(reason, original)| match original {
            Original::Bytes(bytes) => (*reason, &bytes[..]),
            Original::Message(_) => panic!("no message: {original:?}"),
        })
        .collect();
    let undecodable = DeadLetterReason::Undecodable;
    assert_eq!(bytes, [(undecodable, &no_frame[..]), (undecodable, b"bad")]);
}

/// Whoever takes the option away is not overruled by a publisher that has not heard of it: a group
/// that keeps the order of keys meets no frame.
#[tokio::test]
async fn a_publisher_that_knows_too_little_stores_no_frame() {
    let place = Place::new(Kind::Redis7).await;
    let all = messages(20);
    place.publish(&all[..10]).await;
    assert_eq!(place.entries().await, 1);
    place.drain(10).await;
    let other = open(&place.server).await;
    let single = TopicConfig::default();
    let changed = other.create_topic(&topic(), &single).await;
    changed.expect("the topic without frames");
    place.publish(&all[10..]).await;
    assert_eq!(place.entries().await, 11);
    assert_eq!(place.messages().await, 20);
    assert_eq!(received(&place.drain(10).await), ids(&all[10..]));

    let by_key = SubscribeOptions::new(topic(), "by-key").expect("names");
    let by_key = by_key.ordering(Ordering::PerKey);
    let refused = other.subscribe(&by_key).await.expect_err("a frame is kept");
    assert!(refused.to_string().contains("frames"), "{refused}");
}

/// When somebody has thrown the steps away, messages are still stored once and delivered.
#[tokio::test]
async fn frames_are_stored_without_the_steps() {
    let place = Place::new(Kind::Redis7).await;
    let all = messages(40);
    for part in all.chunks(10) {
        place.publish(part).await;
        place.server.command(&["SCRIPT", "FLUSH"]).await;
    }
    assert_eq!(received(&place.drain(40).await), ids(&all));
}
