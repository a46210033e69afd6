//! Leases of frames, and frames where they do not belong.

use std::time::Duration;

use glmsg_broker::{
    Backend, DeadLetterQuery, Frames, Published, Received, Settled, Settler, Source,
    SubscribeOptions, TopicConfig,
};
use glmsg_core::{DeadLetterReason, Message, TopicName};
use glmsg_faults::server::{Fsync, Kind, RedisServer, RedisSetup};
use glmsg_redis::{RedisBroker, RedisConfig, RedisSource};
use tokio::time::{Instant, timeout};

const LEASE: Duration = Duration::from_secs(1);

fn topic() -> TopicName {
    TopicName::new("orders").expect("a name")
}

async fn open(server: &RedisServer) -> RedisBroker {
    let config = RedisConfig::from_url(&server.url()).expect("a URL");
    let broker = RedisBroker::open(config).await.expect("a broker");
    let frames = TopicConfig::default().frames(Frames::default().max_messages(2));
    let made = broker.create_topic(&topic(), &frames).await;
    made.expect("a topic with frames");
    broker
}

async fn start() -> (RedisServer, RedisBroker) {
    let setup = RedisSetup::default().fsync(Fsync::No);
    let server = RedisServer::start(Kind::Redis7, setup).await;
    let broker = open(&server).await;
    (server, broker)
}

async fn join(broker: &RedisBroker) -> RedisSource {
    let options = SubscribeOptions::new(topic(), "g").expect("names");
    let joined = broker.subscribe(&options.lease(LEASE)).await;
    joined.expect("a member")
}

async fn publish(broker: &RedisBroker, count: usize) -> Vec<Message> {
    let message = |n: usize| Message::new(topic(), n.to_string()).expect("a message");
    let all: Vec<Message> = (0..count).map(message).collect();
    let outcomes = broker.publish(&all).await.expect("a publish");
    let stored = outcomes.iter().all(|o| matches!(o, Published::Stored));
    assert!(stored, "{outcomes:?}");
    all
}

async fn take(source: &mut RedisSource, count: usize) -> Vec<Received> {
    let mut got = Vec::new();
    while got.len() < count {
        let wanted = count - got.len();
        let received = source.recv(&mut got, wanted);
        let within = timeout(Duration::from_secs(30), received).await;
        within.expect("something within 30 s").expect("a receive");
    }
    got
}

/// What a member lets go of comes again when its lease has run out, also while the member holds on
/// to a message of another frame.
#[tokio::test]
async fn who_holds_one_frame_does_not_keep_another() {
    let (_server, broker) = start().await;
    let all = publish(&broker, 4).await;
    let mut holder = join(&broker).await;
    let got = take(&mut holder, 4).await;
    let settler = holder.settler();
    let acked = settler.ack(&[got[1].token, got[3].token]).await;
    assert_eq!(acked.expect("acks"), [Settled::Acked; 2]);

    let mut other = join(&broker).await;
    let mut again = Vec::new();
    let begun = Instant::now();
    while again.is_empty() {
        assert!(
            begun.elapsed() < 20 * LEASE,
            "what nobody renews is kept from the others"
        );
        let renewed = settler.extend(&[got[2].token], LEASE).await;
        assert!(renewed.expect("a renewal")[0].is_current());
        if let Ok(received) = timeout(LEASE / 4, other.recv(&mut again, 10)).await {
            received.expect("a receive");
        }
    }
    assert_eq!(again[0].message.id(), all[0].id());
    assert_eq!((again.len(), again[0].attempt), (1, 2));
}

/// Only the lane of normal priority has frames: elsewhere the bytes of one are no message, and are
/// put away once, whether they are met by a plain read or by the step.
#[tokio::test]
async fn a_frame_in_another_lane_is_no_message() {
    let (server, broker) = start().await;
    let mut source = join(&broker).await;
    let inner = publish(&broker, 2).await;
    let got = take(&mut source, 2).await;
    let tokens: Vec<_> = got.iter().map(|d| d.token).collect();
    source.settler().ack(&tokens).await.expect("acks");

    let envelopes: Vec<Vec<u8>> = inner
        .iter()
        .map(|m| glmsg_core::wire::encode(m).into())
        .collect();
    let mut frame = b"\x8fGF\x01\x00\x00\x00\x02".to_vec();
    let mut end = 0;
    for envelope in &envelopes {
        end += u32::try_from(envelope.len()).expect("few");
        frame.extend_from_slice(&end.to_be_bytes());
    }
    frame.extend(envelopes.concat());
    for lane in ["glmsg:{glmsg/orders}:lane2", "glmsg:{glmsg/orders}:lane0"] {
        server
            .command(&[b"XADD", lane.as_bytes(), b"*", b"f", &frame[..]])
            .await;
        let mut none = Vec::new();
        let query = DeadLetterQuery::new(topic(), "g".try_into().expect("a name"));
        let intake = timeout(Duration::from_secs(30), source.recv(&mut none, 100)).await;
        let intake = intake.expect("an intake within 30 s").expect("a receive");
        assert_eq!((none.len(), intake.dead_lettered), (0, 1), "{lane}");
        let letters = broker.dead_letters(&query).await.expect("a page").items;
        let last = letters.last().expect("a dead letter");
        assert_eq!(last.reason, DeadLetterReason::Undecodable, "{lane}");
        let group = "g".try_into().expect("a name");
        let lag = broker.lag(&topic(), &group).await.expect("a lag");
        assert_eq!(lag.total(), 0, "{lane}: {lag:?}");
    }
}
