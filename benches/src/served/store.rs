//! The library on a server.

use std::sync::Arc;

use glmsg::{Broker, TopicName};
use tokio::task::JoinSet;

use super::Served;
use crate::outcome::must_equal;
use crate::store::all_stored;
use crate::{Outcome, sample};

/// How a topic is filled: as many tasks, with so many messages a call.
const FILLERS: u64 = 4;
const FILL: u64 = 200;

/// A broker, opened as an application opens it: by its URL, with metrics counted.
#[derive(Clone)]
pub(crate) struct ServedStore {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) topic: TopicName,
}

impl ServedStore {
    /// Where there is nothing yet: the topic is made.
    pub(crate) async fn create(served: &Served) -> Outcome<Self> {
        let this = Self::open(&served.url).await?;
        this.broker
            .create_topic(&this.topic, &served.bounds)
            .await?;
        Ok(this)
    }

    /// Where another broker has made the topic.
    pub(crate) async fn open(url: &str) -> Outcome<Self> {
        Ok(Self {
            broker: glmsg::connect(url).await?,
            topic: TopicName::new(sample::TOPIC)?,
        })
    }

    /// Builds and publishes messages in one call.
    pub(crate) async fn publish(&self, numbers: std::ops::Range<u64>) -> Outcome<()> {
        let batch = sample::messages(&self.topic, numbers)?;
        all_stored(self.broker.publish(&batch).await?)
    }

    /// Stores messages of the numbers from 0 to `count`.
    pub(crate) async fn fill(&self, count: u64) -> Outcome<()> {
        let mut tasks = JoinSet::new();
        for filler in 0..FILLERS {
            let this = self.clone();
            tasks.spawn(async move {
                let (mut next, end) = (count * filler / FILLERS, count * (filler + 1) / FILLERS);
                while next < end {
                    let until = end.min(next + FILL);
                    this.publish(next..until).await?;
                    next = until;
                }
                Outcome::Ok(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        self.must_hold(count).await
    }

    /// Fails unless it holds exactly `count` messages.
    pub(crate) async fn must_hold(&self, count: u64) -> Outcome<()> {
        let topics = self.broker.topics().await?;
        let stored = topics.iter().map(|topic| topic.messages).sum();
        must_equal("messages stored", stored, count)
    }
}
