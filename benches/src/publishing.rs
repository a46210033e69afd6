//! Publishing to a SQLite store: in batches, one by one, by many at a time.

use std::sync::Arc;

use glmsg::{BrokerExt, TopicName, wire};
use tokio::task::JoinSet;

use crate::raw_store::RawStore;
use crate::store::Store;
use crate::{Measured, Outcome, Stopwatch, sample};

/// Publishes `count` messages in calls of `batch`, each awaited before the next, and builds them
/// as it goes.
///
/// # Errors
/// If a message is refused, or the store does not hold them all afterwards.
pub async fn publish_batches(count: u64, batch: u64) -> Outcome<Measured> {
    let store = Store::open().await?;
    let watch = Stopwatch::start();
    let mut next = 0;
    while next < count {
        let end = count.min(next + batch);
        store.publish(next..end).await?;
        next = end;
    }
    let measured = watch.stop(count);
    store.must_hold(count).await?;
    store.broker.close().await?;
    Ok(measured)
}

/// `publishers` tasks publish `each` messages, one by one, each awaited before the task's next.
///
/// # Errors
/// If a message is refused, or the store does not hold them all afterwards.
pub async fn publish_concurrently(publishers: u64, each: u64) -> Outcome<Measured> {
    let store = Arc::new(Store::open().await?);
    let watch = Stopwatch::start();
    let mut tasks = JoinSet::new();
    for publisher in 0..publishers {
        let store = store.clone();
        tasks.spawn(async move {
            for number in publisher * each..(publisher + 1) * each {
                let message = sample::message(&store.topic, number)?;
                store.broker.send(message).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let measured = watch.stop(publishers * each);
    store.must_hold(publishers * each).await?;
    store.broker.close().await?;
    Ok(measured)
}

/// Inserts `count` rows, `batch` in a transaction.
///
/// # Errors
/// Of SQLite.
pub fn raw_publish(count: u64, batch: u64) -> Outcome<Measured> {
    let mut store = RawStore::open()?;
    let watch = Stopwatch::start();
    let mut next = 0;
    while next < count {
        let end = count.min(next + batch);
        store.insert(next..end)?;
        next = end;
    }
    let measured = watch.stop(count);
    store.must_hold(count)?;
    Ok(measured)
}

/// Inserts `count` rows that are as large as the library's: the envelope of a message, made before.
///
/// # Errors
/// Of SQLite.
pub fn raw_publish_envelopes(count: u64, batch: u64) -> Outcome<Measured> {
    let mut store = RawStore::open()?;
    let message = sample::message(&TopicName::new(sample::TOPIC)?, 0)?;
    let envelope = wire::encode(&message);
    let watch = Stopwatch::start();
    let mut next = 0;
    while next < count {
        let end = count.min(next + batch);
        store.insert_bodies((next..end).map(|_| &envelope))?;
        next = end;
    }
    let measured = watch.stop(count);
    store.must_hold(count)?;
    Ok(measured)
}
