//! F4: an ack that stands still on its way for longer than its lease. Whoever calls it is not told that the message was
//! theirs to the end, and nothing stays behind of what had been noted for the next holder.

use std::time::Duration;

use glmsg::{
    BrokerExt, ErrorKind, Frames, Message, Settled, Settler, Source, StartFrom, SubscribeOptions,
    Token, TopicConfig,
};
use glmsg_faults::proxy::{Direction, Mode, Proxy};

use crate::lasting;

const LEASE: Duration = Duration::from_secs(2);

fn options() -> SubscribeOptions {
    let options = SubscribeOptions::new("orders", "workers").expect("good names");
    options.start(StartFrom::Earliest).lease(LEASE)
}

fn messages(count: usize) -> Vec<Message> {
    let numbered = (0..count).map(|n| Message::text("orders", &n.to_string()));
    numbered
        .map(|message| message.expect("a valid message"))
        .collect()
}

#[tokio::test]
async fn an_ack_that_comes_when_another_has_the_message_is_in_doubt() {
    let redis = lasting::redis().await;
    let proxy = Proxy::start(redis.addr()).await;
    let slow = glmsg::connect(&redis.url_at(proxy.addr())).await;
    let (slow, fast) = (slow.expect("a broker"), glmsg::connect(&redis.url()).await);
    let fast = fast.expect("a broker");
    fast.publish(&messages(1)).await.expect("it is stored");

    let mut first = slow.subscribe(options()).await.expect("a subscription");
    let delivery = first.recv().await.expect("a delivery");
    proxy.control().set(Mode::Stall(Direction::ToServer)).await;
    let ack = tokio::spawn(delivery.ack());
    let mut second = fast.subscribe(options()).await.expect("a subscription");
    let again = second
        .recv()
        .await
        .expect("it comes when the lease is over");
    assert_eq!(again.attempt(), 2);
    proxy.control().set(Mode::Pass).await;

    let error = ack.await.expect("no panic").expect_err("another has it");
    assert_eq!(error.kind(), ErrorKind::Indeterminate, "{error}");
    assert_eq!(again.ack().await.expect("an outcome"), Settled::Stale);
    for part in ["history", "waiting"] {
        let keys = redis.command(&["KEYS", &format!("*:{part}:*")]).await;
        assert!(keys.list().is_empty(), "{part}: {keys:?}");
    }
}

/// What is acked in one call in which something is in doubt is still held, and can be acked again.
#[tokio::test]
async fn what_was_acked_beside_what_is_in_doubt_is_still_held() {
    let redis = lasting::redis().await;
    let proxy = Proxy::start(redis.addr()).await;
    let broker = glmsg::connect(&redis.url_at(proxy.addr())).await;
    let broker = broker.expect("a broker");
    let topic = "orders".try_into().expect("a name");
    let config = TopicConfig::default().frames(Frames::default());
    broker.create_topic(&topic, &config).await.expect("made");
    // One on its own, and five in a frame.
    broker.publish(&messages(1)).await.expect("stored");
    broker.publish(&messages(5)).await.expect("stored");

    let mut source = broker.open_source(&options()).await.expect("joins");
    let settler = source.settler();
    let mut received = Vec::new();
    while received.len() < 6 {
        source.recv(&mut received, 6).await.expect("deliveries");
    }
    let tokens: Vec<Token> = received.iter().map(|one| one.token).collect();
    proxy.control().set(Mode::Stall(Direction::ToServer)).await;
    let (begun, all) = (settler.clone(), tokens.clone());
    let ack = tokio::spawn(async move { begun.ack(&all).await });
    tokio::time::sleep(LEASE).await;
    proxy.control().set(Mode::Pass).await;
    let error = ack.await.expect("no panic").expect_err("its lease is over");
    assert_eq!(error.kind(), ErrorKind::Indeterminate, "{error}");
    let again = settler.ack(&tokens).await.expect("outcomes");
    // The first has been acked; the frame was not asked for yet, and nobody else has had it.
    assert_eq!(again[0], Settled::Stale);
    assert_eq!(again[1..], [Settled::Acked; 5]);
}
