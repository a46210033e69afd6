//! Consuming from a topic on a Redis server that is full: receive, and ack.

use std::sync::Arc;

use futures_util::future::try_join_all;
use glmsg::{
    BrokerExt, Consumer, Delivery, GroupName, Incoming, Received, Settled, Settler, Source,
    SubscribeOptions, Token, TopicConfig,
};
use tokio::task::JoinSet;

use super::progress::Progress;
use super::server::Address;
use super::store::RedisStore;
use crate::outcome::must_equal;
use crate::{Measured, Outcome, sample};

/// Where `count` messages wait, for one group after the other.
#[derive(Clone)]
pub(crate) struct Filled {
    store: RedisStore,
    address: Address,
    count: u64,
}

impl Filled {
    pub(crate) async fn create(address: Address, bounds: TopicConfig, count: u64) -> Outcome<Self> {
        let store = RedisStore::create(address, &bounds).await?;
        store.fill(count).await?;
        Ok(Self {
            store,
            address,
            count,
        })
    }

    /// What another process has filled.
    pub(crate) async fn attach(address: Address, count: u64) -> Outcome<Self> {
        let store = RedisStore::open(address).await?;
        Ok(Self {
            store,
            address,
            count,
        })
    }

    /// `members` subscriptions of one group, on their defaults, receive and ack all. A batch is
    /// acked while the next is received, as the consumer does it.
    pub(crate) async fn by_source(self, members: u64) -> Outcome<Measured> {
        let progress = Arc::new(Progress::new(self.address, self.count));
        let mut tasks = JoinSet::new();
        for _ in 0..members {
            tasks.spawn(source_member(self.store.clone(), progress.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        self.finish(&progress).await
    }

    /// `members` subscriptions of one group, on their defaults, by hand: each takes what is there
    /// and acks every delivery of that, at once.
    pub(crate) async fn by_subscription(self, members: u64) -> Outcome<Measured> {
        let progress = Arc::new(Progress::new(self.address, self.count));
        let mut tasks = JoinSet::new();
        for _ in 0..members {
            tasks.spawn(subscription_member(self.store.clone(), progress.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        self.finish(&progress).await
    }

    /// A [`Consumer`] on its defaults handles all.
    pub(crate) async fn by_consumer(self) -> Outcome<Measured> {
        let progress = Arc::new(Progress::new(self.address, self.count));
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

    /// Fails if the group is not done with everything, and makes room for the next.
    async fn finish(self, progress: &Progress) -> Outcome<Measured> {
        let RedisStore { broker, topic } = &self.store;
        let group = GroupName::new(sample::GROUP)?;
        let lag = broker.lag(topic, &group).await?;
        must_equal("messages left behind", lag.total() + lag.dead_letters, 0)?;
        broker.delete_group(topic, &group).await?;
        progress.measured()
    }
}

async fn source_member(store: RedisStore, progress: Arc<Progress>) -> Outcome<()> {
    let options = SubscribeOptions::new(sample::TOPIC, sample::GROUP)?;
    let mut source = store.broker.open_source(&options).await?;
    let settler = source.settler();
    let work = async {
        let mut buf: Vec<Received> = Vec::new();
        let mut tokens: Vec<Token> = Vec::new();
        loop {
            let (acked, intake) = tokio::join!(
                ack(&settler, &tokens, &progress),
                source.recv(&mut buf, options.prefetch)
            );
            acked?;
            // A member tries again what may pass.
            match intake {
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
    };
    tokio::select! {
        failed = work => failed,
        () = progress.complete() => Ok(()),
    }
}

async fn subscription_member(store: RedisStore, progress: Arc<Progress>) -> Outcome<()> {
    let options = SubscribeOptions::new(sample::TOPIC, sample::GROUP)?;
    let most = options.prefetch;
    let mut subscription = store.broker.subscribe(options).await?;
    let work = async {
        loop {
            let batch = subscription.recv_batch(most).await?;
            let numbers = batch.iter().filter_map(|d| sample::number(d.payload()));
            progress.received(numbers.sum());
            let settled = try_join_all(batch.into_iter().map(Delivery::ack)).await?;
            let acked = settled.iter().filter(|s| **s == Settled::Acked).count();
            must_equal("messages acked", acked as u64, settled.len() as u64)?;
            progress.acked(settled.len() as u64);
        }
    };
    tokio::select! {
        failed = work => failed,
        () = progress.complete() => Ok(()),
    }
}

async fn ack(settler: &impl Settler, tokens: &[Token], progress: &Progress) -> Outcome<()> {
    if tokens.is_empty() {
        return Ok(());
    }
    let settled = settler.ack(tokens).await?;
    let acked = settled.iter().filter(|s| **s == Settled::Acked).count();
    must_equal("messages acked", acked as u64, tokens.len() as u64)?;
    progress.acked(tokens.len() as u64);
    Ok(())
}
