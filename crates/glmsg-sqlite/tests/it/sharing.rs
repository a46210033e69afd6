//! Several brokers on one file, several callers in one commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use glmsg_broker::{Backend, Published, Source};
use glmsg_core::ErrorKind;

use crate::store::{
    Place, ack, group, message, messages, numbers, options, publish, receive, topic,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_broker_is_woken_by_another() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let mut source = here.subscribe(&options()).await.unwrap();
    let waiting = tokio::spawn(async move {
        let received = receive(&mut source, 1).await;
        ack(&source, &received).await;
        numbers(&received)
    });
    publish(&there, &[message(5)]).await;
    assert_eq!(waiting.await.unwrap(), [5]);
    let lag = there.lag(&topic(), &group()).await.unwrap();
    assert_eq!(lag.total(), 0);
    here.close().await.unwrap();
    there.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_brokers_share_a_group_and_a_topic() {
    const EACH: u32 = 300;
    let place = Place::new();
    let brokers = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let mut consumers = Vec::new();
    let mut producers = Vec::new();
    let (done, seen) = tokio::sync::mpsc::unbounded_channel();
    for (n, broker) in (0_u32..).zip(&brokers) {
        let mut source = broker.subscribe(&options()).await.unwrap();
        let done = done.clone();
        consumers.push(tokio::spawn(async move {
            loop {
                let mut received = Vec::new();
                let outcome = source.recv(&mut received, 7).await;
                match outcome {
                    Ok(_) => ack(&source, &received).await,
                    Err(e) => return assert_eq!(e.kind(), ErrorKind::Closed, "{e}"),
                }
                numbers(&received)
                    .into_iter()
                    .for_each(|number| done.send(number).unwrap());
            }
        }));
        let broker = Arc::clone(broker);
        producers.push(tokio::spawn(async move {
            for number in n * EACH..(n + 1) * EACH {
                publish(&broker, &[message(number)]).await;
            }
        }));
    }
    for producer in producers {
        producer.await.unwrap();
    }
    let mut seen = seen;
    let mut numbers = Vec::new();
    while numbers.len() < 2 * EACH as usize {
        numbers.push(seen.recv().await.unwrap());
    }
    let distinct: BTreeSet<_> = numbers.iter().collect();
    assert_eq!(distinct.len(), numbers.len(), "something came twice");
    for broker in brokers {
        broker.close().await.unwrap();
    }
    for consumer in consumers {
        consumer.await.unwrap();
    }
    assert!(seen.try_recv().is_err(), "something came twice");
}

/// How many commits are in the log: frames that say how large the database is then.
fn commits(place: &Place) -> usize {
    let log = std::fs::read(place.directory().join("store.db-wal")).unwrap();
    let frames = log[32..].chunks_exact(24 + 4096);
    frames.filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn callers_at_the_same_time_share_commits() {
    const CALLERS: u32 = 64;
    let place = Place::new();
    let broker = Arc::new(place.open().await);
    publish(&broker, &[message(1000)]).await;
    let before = commits(&place);
    // Somebody else writes: until he is done, the callers gather.
    let sql = place.sql();
    sql.execute_batch("BEGIN IMMEDIATE").unwrap();
    let calls: Vec<_> = (0..CALLERS)
        .map(|n| {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move { broker.publish(&[message(n)]).await.unwrap() })
        })
        .collect();
    // With one thread, everybody has called when it is this task's turn again.
    tokio::task::yield_now().await;
    sql.execute_batch("ROLLBACK").unwrap();
    for call in calls {
        assert!(matches!(call.await.unwrap()[..], [Published::Stored]));
    }
    let commits = commits(&place) - before;
    assert!(commits <= 2, "{commits} commits for {CALLERS} callers");
    broker.close().await.unwrap();
}

#[tokio::test]
async fn a_group_deleted_elsewhere_ends_its_subscription() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let mut source = here.subscribe(&options()).await.unwrap();
    there.delete_group(&topic(), &group()).await.unwrap();
    let error = source.recv(&mut Vec::new(), 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    publish(&there, &messages(3)).await;
    let mut source = here.subscribe(&options()).await.unwrap();
    assert_eq!(numbers(&receive(&mut source, 3).await), [0, 1, 2]);
    there.delete_topic(&topic()).await.unwrap();
    let error = source.recv(&mut Vec::new(), 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(here.topics().await.unwrap().is_empty());
}
