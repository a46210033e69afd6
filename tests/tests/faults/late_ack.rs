//! F4: an ack that stands still on its way for longer than its lease. Whoever calls it is not told that the message was
//! theirs to the end, and nothing stays behind of what had been noted for the next holder.

use std::time::Duration;

use glmsg::{BrokerExt, ErrorKind, Message, Settled, StartFrom, SubscribeOptions};
use glmsg_faults::proxy::{Direction, Mode, Proxy};

use crate::lasting;

#[tokio::test]
async fn an_ack_that_comes_when_another_has_the_message_is_in_doubt() {
    let redis = lasting::redis().await;
    let proxy = Proxy::start(redis.addr()).await;
    let slow = glmsg::connect(&redis.url_at(proxy.addr())).await;
    let (slow, fast) = (slow.expect("a broker"), glmsg::connect(&redis.url()).await);
    let fast = fast.expect("a broker");
    let options = || {
        let options = SubscribeOptions::new("orders", "workers").expect("good names");
        let options = options.start(StartFrom::Earliest);
        options.lease(Duration::from_secs(2))
    };
    let message = Message::builder("orders").payload("one").build();
    let message = message.expect("no builder refuses it");
    fast.send(message).await.expect("it is stored");

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
