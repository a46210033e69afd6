//! An outbox, its relay, and the memory broker.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, ReplayQuery, StartFrom, TopicConfig};
use glmsg_core::{ErrorKind, Message, TopicName};
use glmsg_memory::MemoryBroker;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

struct Shop {
    _dir: TempDir,
    path: PathBuf,
    db: Connection,
    broker: Arc<dyn Broker>,
}

fn shop() -> Shop {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.db");
    let db = Connection::open(&path).unwrap();
    db.busy_timeout(PATIENCE).unwrap();
    Outbox::install(&db).unwrap();
    Shop {
        _dir: dir,
        path,
        db,
        broker: Arc::new(MemoryBroker::default()),
    }
}

impl Shop {
    async fn relay(&self) -> OutboxRelayHandle {
        let relay = OutboxRelay::new(&self.path, self.broker.clone());
        relay.start().await.unwrap()
    }

    fn enqueue(&self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            let order = Message::text("orders", text).unwrap();
            assert!(Outbox::enqueue(&self.db, &order).unwrap());
        }
    }

    async fn published(&self, topic: &str) -> Vec<String> {
        let mut query = ReplayQuery::new(TopicName::new(topic).unwrap(), StartFrom::Earliest);
        query.limit = 10_000;
        let stored = self.broker.replay(&query).await.unwrap();
        let text = |stored: &glmsg_broker::Stored| {
            let message = stored.message.as_ref().unwrap();
            message.decode::<String>().unwrap()
        };
        stored.iter().map(text).collect()
    }
}

async fn drained(relay: &OutboxRelayHandle) {
    let drained = tokio::time::timeout(PATIENCE, relay.drained());
    drained.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_committed_is_published_in_its_order_and_what_is_rolled_back_is_not() {
    let mut shop = shop();
    shop.enqueue((0..10).map(|n| n.to_string()));
    let relay = shop.relay().await;
    for n in 10..600 {
        let order = shop.db.transaction().unwrap();
        Outbox::enqueue(&order, &Message::text("orders", n.to_string()).unwrap()).unwrap();
        order.commit().unwrap();
        let regretted = shop.db.transaction().unwrap();
        Outbox::enqueue(&regretted, &Message::text("orders", "never").unwrap()).unwrap();
        regretted.rollback().unwrap();
    }
    drained(&relay).await;
    let expected: Vec<_> = (0..600).map(|n| n.to_string()).collect();
    assert_eq!(shop.published("orders").await, expected);
    assert_eq!(Outbox::waiting(&shop.db).unwrap(), 0);
    assert_eq!(relay.stats().published, 600);
    relay.shutdown().await.unwrap();
}

/// A commit of another connection is noticed without being told.
#[tokio::test]
async fn a_commit_wakes_the_relay() {
    let shop = shop();
    let relay = shop.relay().await;
    for n in 1..=20 {
        shop.enqueue([n.to_string()]);
        let published = async {
            while relay.stats().published < n {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, published).await.unwrap();
    }
    relay.shutdown().await.unwrap();
}

#[tokio::test]
async fn several_relays_publish_each_message_once() {
    let shop = shop();
    let relays = [shop.relay().await, shop.relay().await, shop.relay().await];
    shop.enqueue((0..500).map(|n| n.to_string()));
    for relay in &relays {
        drained(relay).await;
    }
    let mut published = shop.published("orders").await;
    published.sort_by_key(|text| text.parse::<u32>().unwrap());
    let expected: Vec<_> = (0..500).map(|n| n.to_string()).collect();
    assert_eq!(published, expected);
    for relay in relays {
        relay.shutdown().await.unwrap();
    }
}

/// As after a crash between the publish and the delete.
#[tokio::test]
async fn what_is_published_again_is_stored_once() {
    let shop = shop();
    let orders: Vec<_> = (0..10)
        .map(|n| Message::text("orders", n.to_string()).unwrap())
        .collect();
    for order in &orders {
        Outbox::enqueue(&shop.db, order).unwrap();
    }
    shop.broker.publish(&orders[..7]).await.unwrap();
    let relay = shop.relay().await;
    drained(&relay).await;
    let stats = relay.stats();
    assert_eq!((stats.published, stats.duplicates), (3, 7));
    assert_eq!(shop.published("orders").await.len(), 10);
    assert_eq!(Outbox::waiting(&shop.db).unwrap(), 0);
    relay.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_message_is_in_the_outbox_once() {
    let shop = shop();
    let order = Message::text("orders", "a book").unwrap();
    assert!(Outbox::enqueue(&shop.db, &order).unwrap());
    assert!(!Outbox::enqueue(&shop.db, &order).unwrap());
    assert_eq!(Outbox::waiting(&shop.db).unwrap(), 1);
}

#[tokio::test]
async fn a_refused_message_is_parked_and_the_others_go_on() {
    let shop = shop();
    let big = vec![0; shop.broker.capability().max_payload + 1];
    let big = Message::new("orders", big).unwrap();
    Outbox::enqueue(&shop.db, &big).unwrap();
    shop.enqueue(["after".to_owned()]);
    let relay = shop.relay().await;
    drained(&relay).await;
    assert_eq!(shop.published("orders").await, ["after"]);
    let parked = Outbox::parked(&shop.db, 10).unwrap();
    assert_eq!((parked.len(), parked[0].id), (1, big.id()));
    assert_eq!(relay.stats().parked, 1);
    assert_eq!(Outbox::retry_parked(&shop.db).unwrap(), 1);
    drained(&relay).await;
    assert_eq!(Outbox::drop_parked(&shop.db).unwrap(), 1);
    relay.shutdown().await.unwrap();
}

/// A topic that is full hinders the relay, and loses nothing.
#[tokio::test]
async fn a_full_topic_is_waited_for() {
    let shop = shop();
    let topic = TopicName::new("orders").unwrap();
    let narrow = TopicConfig::default().max_len(5);
    shop.broker.create_topic(&topic, &narrow).await.unwrap();
    shop.enqueue((0..8).map(|n| n.to_string()));
    let relay = shop.relay().await;
    let hindered = async {
        while relay.stats().retries < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, hindered).await.unwrap();
    assert_eq!(Outbox::waiting(&shop.db).unwrap(), 3);
    let wide = TopicConfig::default();
    shop.broker.create_topic(&topic, &wide).await.unwrap();
    drained(&relay).await;
    assert_eq!(shop.published("orders").await.len(), 8);
    relay.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let shop = shop();
    let nowhere = shop.path.with_file_name("no.db");
    let error = OutboxRelay::new(&nowhere, shop.broker.clone()).start();
    assert_eq!(error.await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!nowhere.exists(), "a relay makes no file");
    let bare = Connection::open(&nowhere).unwrap();
    let message = Message::text("orders", "a book").unwrap();
    let error = Outbox::enqueue(&bare, &message).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("install"), "{error}");
}
