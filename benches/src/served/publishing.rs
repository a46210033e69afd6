//! Publishing to a server: one by one, by many at a time, in batches.

use std::time::{Duration, Instant};

use glmsg::BrokerExt;
use tokio::task::JoinSet;

use super::Served;
use super::store::ServedStore;
use crate::{Measured, Outcome, Stopwatch, sample};

/// What is published before the time runs: the topic is there then, and what is made once.
pub(crate) const WARM: u64 = 20;

/// How publishers publish.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publishers {
    /// So many tasks.
    pub(crate) tasks: u64,
    /// So many messages a call, each awaited before the task's next.
    pub(crate) batch: u64,
    /// So long.
    pub(crate) lasting: Duration,
}

/// Publishers build messages and publish them. A batch of one goes by the call for one.
pub(crate) async fn publish(served: Served, publishers: Publishers) -> Outcome<Measured> {
    let store = ServedStore::create(&served).await?;
    for number in 0..WARM {
        let message = sample::message(&store.topic, number)?;
        store.broker.send(message).await?;
    }
    let mut tasks = JoinSet::new();
    let watch = Stopwatch::start_with_server(served.pid);
    let end = Instant::now() + publishers.lasting;
    for publisher in 1..=publishers.tasks {
        tasks.spawn(one(store.clone(), publisher << 32, publishers.batch, end));
    }
    let mut count = 0;
    while let Some(ended) = tasks.join_next().await {
        count += ended??;
    }
    let measured = watch.stop(count);
    store.must_hold(WARM + count).await?;
    store.broker.close().await?;
    Ok(measured)
}

/// Publishes numbers from `first` on, and returns how many.
async fn one(store: ServedStore, first: u64, batch: u64, end: Instant) -> Outcome<u64> {
    let mut next = first;
    while Instant::now() < end {
        if batch == 1 {
            let message = sample::message(&store.topic, next)?;
            store.broker.send(message).await?;
        } else {
            store.publish(next..next + batch).await?;
        }
        next += batch;
    }
    Ok(next - first)
}
