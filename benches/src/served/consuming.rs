//! Consuming from a topic on a server that is full: receive, and ack.

use std::sync::Arc;

use futures_util::future::try_join_all;
use glmsg::patterns::work_queue::{Job, WorkQueue};
use glmsg::{
    BoxSource, BrokerExt, Consumer, Delivery, GroupName, Incoming, Received, Settled, Settler,
    Source, SubscribeOptions, Subscription, Token,
};
use tokio::task::JoinSet;

use super::Served;
use super::progress::Progress;
use super::store::ServedStore;
use crate::outcome::must_equal;
use crate::{Measured, Outcome, sample};

/// The most deliveries that a subscription is asked for at a time. It has fewer: what it holds ready
/// is a matter of its prefetch.
const MOST: usize = 500;

/// Where `count` messages wait, for one group after the other.
#[derive(Clone)]
pub(crate) struct Filled {
    store: ServedStore,
    server: u32,
    count: u64,
}

impl Filled {
    pub(crate) async fn create(served: Served, count: u64) -> Outcome<Self> {
        let store = ServedStore::create(&served).await?;
        store.fill(count).await?;
        Ok(Self {
            store,
            server: served.pid,
            count,
        })
    }

    /// What another process has filled.
    pub(crate) async fn attach(served: Served, count: u64) -> Outcome<Self> {
        let store = ServedStore::open(&served.url).await?;
        Ok(Self {
            store,
            server: served.pid,
            count,
        })
    }

    /// `members` of one group, on the defaults of a subscription, receive and ack all.
    pub(crate) async fn by(self, way: Way, members: u64) -> Outcome<Measured> {
        let progress = Arc::new(Progress::new(self.server, self.count));
        let mut tasks = JoinSet::new();
        for _ in 0..members {
            tasks.spawn(member(self.store.clone(), way, progress.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        self.finish(&progress).await
    }

    /// A [`Consumer`] on its defaults handles all.
    pub(crate) async fn by_consumer(self) -> Outcome<Measured> {
        let progress = Arc::new(Progress::new(self.server, self.count));
        let counting = progress.clone();
        let broker = self.store.broker.clone();
        let consumer = Consumer::new(broker, sample::TOPIC, sample::GROUP)
            .start(move |incoming: Incoming| {
                counting.received(sample::number(incoming.payload()).unwrap_or_default());
                counting.acked(1);
                async { Ok(()) }
            })
            .await?;
        progress.complete().await;
        let report = consumer.shutdown().await?;
        must_equal("acked", report.stats.handled, self.count)?;
        must_equal("redelivered", report.stats.redelivered, 0)?;
        self.finish(&progress).await
    }

    /// A work queue's pool of so many workers, on its defaults, does all; a task is no work.
    pub(crate) async fn by_work_queue(self, workers: usize) -> Outcome<Measured> {
        let queue = WorkQueue::new(self.store.broker.clone(), sample::TOPIC)?;
        let queue = queue.group(GroupName::new(sample::GROUP)?);
        let progress = Arc::new(Progress::new(self.server, self.count));
        let counting = progress.clone();
        let pool = queue
            .workers(workers)
            .start(move |job: Job| {
                counting.received(sample::number(job.payload()).unwrap_or_default());
                counting.acked(1);
                std::future::ready(Ok(()))
            })
            .await?;
        progress.complete().await;
        let stats = pool.shutdown().await?;
        must_equal("tasks done", stats.done, self.count)?;
        must_equal("redelivered", stats.redelivered, 0)?;
        self.finish(&progress).await
    }

    /// Fails if the group is not done with everything, and makes room for the next.
    async fn finish(self, progress: &Progress) -> Outcome<Measured> {
        let ServedStore { broker, topic } = &self.store;
        let group = GroupName::new(sample::GROUP)?;
        let lag = broker.lag(topic, &group).await?;
        must_equal("messages left behind", lag.total() + lag.dead_letters, 0)?;
        broker.delete_group(topic, &group).await?;
        progress.measured()
    }
}

/// How a member receives and acks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A subscription takes what is there; all of that is acked in one call, and meanwhile the
    /// next is taken.
    Batches,
    /// The same, but what was taken is acked before the next is.
    InTurn,
    /// The same, but each delivery is acked by a call of its own, all of them at once.
    OneByOne,
    /// By the contract below subscriptions: what was received is acked while the next is.
    Source,
}

async fn member(store: ServedStore, way: Way, progress: Arc<Progress>) -> Outcome<()> {
    let options = SubscribeOptions::new(sample::TOPIC, sample::GROUP)?;
    if way == Way::Source {
        let source = store.broker.open_source(&options).await?;
        return tokio::select! {
            ended = by_source(source, options.prefetch, &progress) => ended,
            () = progress.complete() => Ok(()),
        };
    }
    let subscription = store.broker.subscribe(options).await?;
    tokio::select! {
        ended = by_subscription(subscription, way, &progress) => ended,
        () = progress.complete() => Ok(()),
    }
}

async fn by_subscription(
    mut subscription: Subscription,
    way: Way,
    progress: &Progress,
) -> Outcome<()> {
    let mut taken = subscription.recv_batch(MOST).await?;
    loop {
        let numbers = taken.iter().filter_map(|d| sample::number(d.payload()));
        progress.received(numbers.sum());
        taken = match way {
            Way::OneByOne => {
                let settled = try_join_all(taken.into_iter().map(Delivery::ack)).await?;
                must_be_acked(&settled, progress)?;
                subscription.recv_batch(MOST).await?
            }
            Way::InTurn => {
                must_be_acked(&Delivery::ack_all(taken).await?, progress)?;
                subscription.recv_batch(MOST).await?
            }
            Way::Batches | Way::Source => {
                let ack = async { must_be_acked(&Delivery::ack_all(taken).await?, progress) };
                let (acked, next) = tokio::join!(ack, subscription.recv_batch(MOST));
                acked?;
                next?
            }
        };
    }
}

async fn by_source(mut source: BoxSource, most: usize, progress: &Progress) -> Outcome<()> {
    let settler = source.settler();
    let mut buf: Vec<Received> = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    loop {
        let ack = async {
            if tokens.is_empty() {
                return Ok(());
            }
            must_be_acked(&settler.ack(&tokens).await?, progress)
        };
        let (acked, intake) = tokio::join!(ack, source.recv(&mut buf, most));
        acked?;
        match intake {
            // What may pass is tried again, as a subscription does.
            Err(error) if !error.is_transient() => return Err(error.into()),
            _ => {}
        }
        let numbers = buf
            .iter()
            .filter_map(|r| sample::number(r.message.payload()));
        progress.received(numbers.sum());
        tokens.clear();
        tokens.extend(buf.drain(..).map(|r| r.token));
    }
}

fn must_be_acked(settled: &[Settled], progress: &Progress) -> Outcome<()> {
    let acked = settled.iter().filter(|s| **s == Settled::Acked).count();
    must_equal("messages acked", acked as u64, settled.len() as u64)?;
    progress.acked(settled.len() as u64);
    Ok(())
}
