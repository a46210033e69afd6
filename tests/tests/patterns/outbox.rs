//! A transactional outbox before every backend.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, BrokerExt as _, StartFrom};
use glmsg_conformance::Fixture;
use glmsg_core::TopicName;
use glmsg_patterns::outbox::{Outbox, OutboxRelay};
use glmsg_tests::pattern::{Reachable, Shop, count_orders};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::PATTERN;

const PATIENCE: Duration = Duration::from_secs(120);

/// The orders in the topic, in their order.
async fn published(broker: &Arc<dyn Broker>) -> Vec<u64> {
    use futures_util::StreamExt as _;
    let topic = TopicName::new("orders").expect("a valid name");
    let mut stored = Box::pin(broker.replay_from(topic, StartFrom::Earliest));
    let mut orders = Vec::new();
    while let Some(stored) = stored.next().await {
        let message = stored.expect("it is read").message.expect("a message");
        let text: String = message.decode().expect("text");
        orders.push(text.parse().expect("a number"));
    }
    orders
}

/// A shop that is killed again and again, at any point: each of its orders is published, in order,
/// and once where the backend knows ids.
pub(crate) async fn what_is_committed_is_published_though_the_shop_is_killed<F: Reachable>(f: F) {
    const COUNT: u64 = 400;
    const KILLS: u64 = 8;
    let broker = f.broker().await;
    let dir = TempDir::new().expect("a directory");
    let db = dir.path().join("shop.db");
    let url = f.url();
    let start = |count| Shop::start(PATTERN, url.as_deref(), &broker, &db, count);
    // One that is to be killed has no end that it could reach before; but what goes on when its runtime is gone must have one.
    let endless = if url.is_some() { u64::MAX >> 1 } else { COUNT };
    let selling = async {
        for round in 1..=KILLS {
            let shop = start(endless);
            // Not at a round number of batches, so that it dies in the midst of one.
            while count_orders(&db) < round * 41 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            shop.kill9();
        }
        let all = COUNT.max(count_orders(&db) + 41);
        start(all).finish().await;
        all
    };
    let sold = tokio::time::timeout(PATIENCE, selling).await;
    let all = sold.expect("all is sold in time");
    let connection = Connection::open(&db).expect("it opens");
    assert_eq!(Outbox::waiting(&connection).expect("counted"), 0);
    assert!(Outbox::parked(&connection, 1).expect("read").is_empty());
    let mut orders = published(&broker).await;
    if !F::capability().idempotent_publish {
        let came = orders.len();
        orders.sort_unstable();
        orders.dedup();
        println!("{} came twice", came - orders.len());
    }
    assert_eq!(count_orders(&db), all);
    assert_eq!(orders, (1..=all).collect::<Vec<_>>());
}

/// Several relays of one outbox, each to a handle of its own: every message is published, and once
/// where the backend knows ids.
pub(crate) async fn several_relays_lose_nothing<F: Fixture>(f: F) {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("shop.db");
    let db = Connection::open(&path).expect("it opens");
    db.busy_timeout(PATIENCE).expect("a bound");
    Outbox::install(&db).expect("an outbox");
    let mut relays = Vec::new();
    for _ in 0..3 {
        let relay = OutboxRelay::new(&path, f.broker().await).start();
        relays.push(relay.await.expect("starts"));
    }
    for n in 0..300_u64 {
        let message = glmsg_core::Message::text("orders", n.to_string());
        let message = message.expect("a valid message");
        Outbox::enqueue(&db, &message).expect("enqueued");
    }
    for relay in relays {
        let drained = tokio::time::timeout(PATIENCE, relay.drained()).await;
        drained.expect("in time").expect("all is published");
        relay.shutdown().await.expect("stops");
    }
    let mut orders = published(&f.broker().await).await;
    orders.sort_unstable();
    if !F::capability().idempotent_publish {
        orders.dedup();
    }
    assert_eq!(orders, (0..300).collect::<Vec<_>>());
}
