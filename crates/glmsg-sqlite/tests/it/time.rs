//! Time: waiting for it, and a clock that is set back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use glmsg_broker::{Backend, Nack, ReplayQuery, Settler, Source, StartFrom};
use glmsg_core::{Clock, Message, Timestamp};
use glmsg_sqlite::{SqliteBroker, SqliteConfig};

use crate::store::{Place, TOPIC, message, messages, numbers, options, publish, receive, topic};

#[derive(Debug)]
struct Settable(AtomicI64);

impl Clock for Settable {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_changes_no_order() {
    let place = Place::new();
    let clock = Arc::new(Settable(AtomicI64::new(2_000_000_000)));
    let config = || SqliteConfig::new(place.file()).clock(clock.clone());
    let broker = SqliteBroker::open(config()).await.unwrap();
    publish(&broker, &[message(0)]).await;
    clock.0.store(1_000_000_000, Ordering::Relaxed);
    publish(&broker, &[message(1)]).await;
    broker.close().await.unwrap();
    let broker = SqliteBroker::open(config()).await.unwrap();
    publish(&broker, &[message(2)]).await;
    let query = ReplayQuery::new(topic(), StartFrom::Earliest);
    let stored = broker.replay(&query).await.unwrap();
    let times: Vec<_> = stored.iter().map(|s| s.stored_at).collect();
    assert!(times.is_sorted(), "{times:?}");
    let mut source = broker.subscribe(&options()).await.unwrap();
    assert_eq!(numbers(&receive(&mut source, 3).await), [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_receive_sees_the_clock_moved_by_hand() {
    let place = Place::new();
    let broker = place.open().await;
    let mut source = broker.subscribe(&options()).await.unwrap();
    let later = Message::builder(TOPIC)
        .payload("3")
        .delay(Duration::from_secs(100))
        .build()
        .unwrap();
    publish(&broker, &[later]).await;
    let waiting = tokio::spawn(async move { numbers(&receive(&mut source, 1).await) });
    place.clock.advance(Duration::from_secs(100));
    assert_eq!(waiting.await.unwrap(), [3]);
}

#[tokio::test]
async fn due_times_are_waited_for() {
    let place = Place::new();
    let broker = SqliteBroker::open(SqliteConfig::new(place.file()))
        .await
        .unwrap();
    let options = options().lease(Duration::from_millis(100));
    let mut source = broker.subscribe(&options).await.unwrap();
    publish(&broker, &messages(1)).await;
    let first = receive(&mut source, 1).await.remove(0);
    let retry = Nack::retry(first.token, Duration::from_millis(40), "again");
    source.settler().nack(&[retry]).await.unwrap();
    let second = receive(&mut source, 1).await.remove(0);
    // Not settled: its lease runs out.
    let third = receive(&mut source, 1).await.remove(0);
    assert_eq!((second.attempt, third.attempt), (2, 3));
}

#[tokio::test]
async fn a_member_waiting_beside_another_takes_over_its_lost_lease() {
    let place = Place::new();
    let broker = SqliteBroker::open(SqliteConfig::new(place.file()))
        .await
        .unwrap();
    let options = options().lease(Duration::from_millis(100));
    let mut stuck = broker.subscribe(&options).await.unwrap();
    let mut other = broker.subscribe(&options).await.unwrap();
    let waiting = tokio::spawn(async move { receive(&mut other, 1).await.remove(0).attempt });
    publish(&broker, &messages(2)).await;
    // One of the two gets the first message at once; the one that is left waits for its lease.
    let first = receive(&mut stuck, 1).await;
    assert_eq!(first.len(), 1);
    assert!(waiting.await.unwrap() >= 1);
}
