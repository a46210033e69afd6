//! A SQLite store of the library in a directory that goes away with it.

use std::sync::Arc;

use glmsg::{Broker, GroupName, Published, TopicName};
use tempfile::TempDir;

use crate::outcome::must_equal;
use crate::{Outcome, sample};

/// A new store, opened as an application opens it: by its URL, with metrics counted.
pub(crate) struct Store {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) topic: TopicName,
    /// Held for its drop.
    _directory: TempDir,
}

impl Store {
    pub(crate) async fn open() -> Outcome<Self> {
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("bench.db");
        let broker = glmsg::connect(&format!("sqlite:{}", file.display())).await?;
        Ok(Self {
            broker,
            topic: TopicName::new(sample::TOPIC)?,
            _directory: directory,
        })
    }

    /// A store that holds `count` messages.
    pub(crate) async fn filled(count: u64) -> Outcome<Self> {
        let store = Self::open().await?;
        let mut next = 0;
        while next < count {
            let end = count.min(next + 1000);
            store.publish(next..end).await?;
            next = end;
        }
        Ok(store)
    }

    /// Builds and publishes messages in one call.
    pub(crate) async fn publish(&self, numbers: std::ops::Range<u64>) -> Outcome<()> {
        let batch = sample::messages(&self.topic, numbers)?;
        all_stored(self.broker.publish(&batch).await?)
    }

    /// Fails unless it holds exactly `count` messages.
    pub(crate) async fn must_hold(&self, count: u64) -> Outcome<()> {
        let topics = self.broker.topics().await?;
        must_equal(
            "messages stored",
            topics.iter().map(|t| t.messages).sum(),
            count,
        )
    }

    /// Fails if the group is not done with everything.
    pub(crate) async fn must_be_consumed(&self) -> Outcome<()> {
        let lag = self
            .broker
            .lag(&self.topic, &GroupName::new(sample::GROUP)?)
            .await?;
        must_equal("messages left behind", lag.total() + lag.dead_letters, 0)
    }
}

/// Fails unless every message was stored, and for the first time.
pub(crate) fn all_stored(outcomes: Vec<Published>) -> Outcome<()> {
    for outcome in outcomes {
        match outcome {
            Published::Stored => {}
            Published::Duplicate => return Err("a new message was taken for a duplicate".into()),
            other => other.into_result()?,
        }
    }
    Ok(())
}
