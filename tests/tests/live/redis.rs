//! What breaks for live subscriptions on Redis: each loss is told, and listening goes on.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, BrokerExt, LiveEvent, LiveOptions, LiveSubscription};
use glmsg_core::{ErrorKind, Message, MessageId};
use glmsg_faults::proxy::{Direction, DropReply, Mode, Proxy};
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_faults::until;
use glmsg_redis::{RedisBroker, RedisConfig};

const PATIENCE: Duration = Duration::from_secs(30);

async fn server() -> RedisServer {
    RedisServer::start(Kind::Redis7, RedisSetup::default()).await
}

async fn open(url: &str) -> Arc<dyn Broker> {
    let config = RedisConfig::from_url(url).expect("a valid URL");
    Arc::new(RedisBroker::open(config).await.expect("it opens"))
}

async fn listen(broker: &Arc<dyn Broker>, pattern: &str) -> LiveSubscription {
    let options = LiveOptions::new(pattern).expect("a valid pattern");
    broker.listen(options).await.expect("it listens")
}

fn message(topic: &str, payload: &str) -> Message {
    Message::new(topic, payload.to_owned()).expect("a valid message")
}

async fn announce(broker: &Arc<dyn Broker>, topic: &str) -> MessageId {
    let news = message(topic, "news");
    broker
        .announce(std::slice::from_ref(&news))
        .await
        .expect("it is announced");
    news.id()
}

async fn next(live: &mut LiveSubscription) -> LiveEvent {
    let event = tokio::time::timeout(PATIENCE, live.recv()).await;
    event.expect("something in time").expect("no error")
}

/// The message that comes next.
async fn heard(live: &mut LiveSubscription) -> MessageId {
    match next(live).await {
        LiveEvent::Message(message) => message.id(),
        other => panic!("a message was expected, not {other:?}"),
    }
}

/// Waits for the end of an interruption that has begun or will. What comes before it is thrown away.
async fn ridden_through(live: &mut LiveSubscription) {
    while !matches!(next(live).await, LiveEvent::Interrupted) {}
    let resumed = next(live).await;
    assert!(matches!(resumed, LiveEvent::Resumed), "{resumed:?}");
}

#[tokio::test]
async fn a_server_that_is_killed_interrupts() {
    let server = server().await;
    let broker = open(&server.url()).await;
    let mut all = listen(&broker, "**").await;
    let mut one = listen(&broker, "a.b").await;
    for _ in 0..3 {
        server.kill9().await;
        server.restart().await;
        ridden_through(&mut all).await;
        ridden_through(&mut one).await;
        let id = announce(&broker, "a.b").await;
        assert_eq!(heard(&mut all).await, id);
        assert_eq!(heard(&mut one).await, id);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_again_and_again_is_made_again_each_time() {
    let server = server().await;
    let broker = open(&server.url()).await;
    let mut live = listen(&broker, "**").await;
    for _ in 0..20 {
        server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
        ridden_through(&mut live).await;
    }
    let id = announce(&broker, "a").await;
    assert_eq!(heard(&mut live).await, id);
}

#[tokio::test]
async fn a_server_that_cannot_be_heard_any_more_is_noticed() {
    let server = server().await;
    let proxy = Proxy::start(server.addr()).await;
    let broker = open(&server.url()).await;
    let listener = open(&server.url_at(proxy.addr())).await;
    let mut live = listen(&listener, "**").await;
    proxy.control().set(Mode::BlackHole(Direction::Both)).await;
    announce(&broker, "a").await;
    let event = next(&mut live).await;
    assert!(matches!(event, LiveEvent::Interrupted), "{event:?}");
    proxy.control().set(Mode::Pass).await;
    let event = next(&mut live).await;
    assert!(matches!(event, LiveEvent::Resumed), "{event:?}");
    let id = announce(&broker, "a.b").await;
    assert_eq!(heard(&mut live).await, id);
}

#[tokio::test]
async fn a_quiet_server_is_no_interruption() {
    let server = server().await;
    let broker = open(&server.url()).await;
    let mut live = listen(&broker, "**").await;
    // Longer than a server may be silent before it is asked, and than it may take to answer.
    tokio::time::sleep(Duration::from_secs(9)).await;
    let id = announce(&broker, "a").await;
    assert_eq!(heard(&mut live).await, id);
}

#[tokio::test]
async fn what_a_listener_does_not_take_in_time_is_an_interruption() {
    let setup = RedisSetup::default().args(["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let server = RedisServer::start(Kind::Redis7, setup).await;
    let proxy = Proxy::start(server.addr()).await;
    let broker = open(&server.url()).await;
    let listener = open(&server.url_at(proxy.addr())).await;
    let mut live = listen(&listener, "**").await;
    proxy.control().set(Mode::Stall(Direction::ToClient)).await;
    let large = message("a", &"x".repeat(500_000));
    while listening(&server).await > 0 {
        let announced = broker.announce(std::slice::from_ref(&large)).await;
        announced.expect("nobody is waited for");
    }
    proxy.control().set(Mode::Pass).await;
    ridden_through(&mut live).await;
    let id = announce(&broker, "a").await;
    assert_eq!(heard(&mut live).await, id);
}

#[tokio::test]
async fn an_announcement_whose_answer_is_lost_is_heard_once() {
    let server = server().await;
    let proxy = Proxy::start(server.addr()).await;
    let announcer = open(&server.url_at(proxy.addr())).await;
    let listener = open(&server.url()).await;
    let mut live = listen(&listener, "**").await;
    let lost = DropReply::once().to("PUBLISH");
    proxy.control().set(Mode::DropReply(lost)).await;
    let news = message("a", "news");
    let announced = announcer.announce(std::slice::from_ref(&news)).await;
    let error = announced.expect_err("its answer was lost");
    assert_eq!(error.kind(), ErrorKind::Indeterminate, "{error}");
    let later = announce(&announcer, "a").await;
    assert_eq!(heard(&mut live).await, news.id());
    assert_eq!(heard(&mut live).await, later, "and nothing between");
}

#[tokio::test]
async fn an_announcement_waits_for_a_server_that_is_restarted() {
    let server = server().await;
    let broker = open(&format!("{}?timeout_ms=30000", server.url())).await;
    announce(&broker, "a").await;
    server.kill9().await;
    let announcing = tokio::spawn({
        let broker = broker.clone();
        async move {
            // One that was on its way when the connection broke is not sent again by itself.
            match broker.announce(&[message("a", "news")]).await {
                Err(error) if error.kind() == ErrorKind::Indeterminate => {
                    broker.announce(&[message("a", "news")]).await
                }
                announced => announced,
            }
        }
    });
    server.restart().await;
    let announced = announcing.await.expect("no panic");
    announced.expect("it is announced");
}

#[tokio::test]
async fn bytes_that_are_no_message_are_told_and_skipped() {
    let server = server().await;
    let broker = open(&format!("{}?namespace=ns", server.url())).await;
    let mut live = listen(&broker, "orders.*").await;
    let elsewhere = glmsg_core::wire::encode(&message("payments.eu", "x"));
    let publish = async |channel: &str, bytes: &[u8]| {
        let words: [&[u8]; 3] = [b"PUBLISH", channel.as_bytes(), bytes];
        server.command(&words).await;
    };
    publish("glmsg:{ns}:live:0:orders.eu", b"hello").await;
    publish("glmsg:{ns}:live:0:orders.eu", &elsewhere).await;
    publish("glmsg:{ns}:live:0:orders..eu", b"no topic").await;
    publish("glmsg:{ns}:live:0:orders.eu.x", b"not asked for").await;
    let id = announce(&broker, "orders.eu").await;
    for why in ["", "payments.eu"] {
        match next(&mut live).await {
            LiveEvent::Undecodable { topic, error } => {
                assert_eq!(topic.as_str(), "orders.eu");
                assert!(error.to_string().contains(why), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(heard(&mut live).await, id);
}

#[tokio::test]
async fn databases_and_namespaces_do_not_hear_each_other() {
    let server = server().await;
    let urls = ["/0?namespace=a", "/1?namespace=a", "/0?namespace=b"];
    let mut all = Vec::new();
    for url in urls {
        let broker = open(&format!("{}{url}", server.url())).await;
        let live = listen(&broker, "**").await;
        all.push((broker, live));
    }
    let mut sent = Vec::new();
    for (broker, _) in &all {
        sent.push(announce(broker, "t").await);
        sent.push(announce(broker, "t").await);
    }
    for ((_, live), sent) in all.iter_mut().zip(sent.chunks(2)) {
        assert_eq!([heard(live).await, heard(live).await], sent);
    }
}

async fn listening(server: &RedisServer) -> usize {
    let list = server.command(&["CLIENT", "LIST", "TYPE", "pubsub"]).await;
    list.text().unwrap_or_default().lines().count()
}

#[tokio::test]
async fn who_listens_no_more_leaves_no_connection() {
    let server = server().await;
    let broker = open(&server.url()).await;
    let (one, two) = (listen(&broker, "a").await, listen(&broker, "**").await);
    assert_eq!(listening(&server).await, 2);
    drop(one);
    let left = async |n| listening(&server).await == n;
    until("one is left", PATIENCE, || left(1)).await;
    broker.close().await.expect("it closes");
    until("none is left", PATIENCE, || left(0)).await;
    drop(two);
}

#[tokio::test]
async fn who_may_not_listen_is_told_what_is_missing() {
    let server = server().await;
    let rule = "on >c4n4ry ~* +@all resetchannels";
    let set: Vec<&str> = ["ACL", "SETUSER", "app"]
        .into_iter()
        .chain(rule.split(' '))
        .collect();
    server.command(&set).await;
    let url = format!("redis://app:c4n4ry@{}?namespace=ns", server.addr());
    let broker = open(&url).await;
    let options = || LiveOptions::new("**").expect("a valid pattern");
    for error in [
        broker.listen(options()).await.expect_err("no channel"),
        broker
            .announce(&[message("a", "x")])
            .await
            .expect_err("no channel"),
    ] {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.to_string().contains("glmsg:{ns}:live:0:*"), "{error}");
    }
    let few = "resetchannels &glmsg:{ns}:live:0:*";
    let allow: Vec<&str> = ["ACL", "SETUSER", "app"]
        .into_iter()
        .chain(few.split(' '))
        .collect();
    server.command(&allow).await;
    let mut live = listen(&broker, "a.*").await;
    let mut one = listen(&broker, "a.b").await;
    let id = announce(&broker, "a.b").await;
    assert_eq!(heard(&mut live).await, id);
    assert_eq!(heard(&mut one).await, id);

    server
        .command(&["ACL", "SETUSER", "app", "resetchannels"])
        .await;
    let event = next(&mut live).await;
    assert!(matches!(event, LiveEvent::Interrupted), "{event:?}");
    let told = tokio::time::timeout(PATIENCE, live.recv()).await;
    let error = told.expect("it is told").expect_err("it may not");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    server.command(&allow).await;
    let event = next(&mut live).await;
    assert!(matches!(event, LiveEvent::Resumed), "{event:?}");
    let id = announce(&broker, "a.b").await;
    assert_eq!(heard(&mut live).await, id);
}
