//! Publishes letters, and tells what became of them.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Published};
use glmsg_core::{Error, ErrorKind, Result, TopicName};
use tokio::time::{Instant, sleep};

use super::{End, Letter};
use crate::request_reply::inboxes::Inboxes;

/// After letters that the broker did not take.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Carrier {
    broker: Arc<dyn Broker>,
    inboxes: Option<Arc<Inboxes>>,
}

impl Carrier {
    pub(super) fn new(broker: Arc<dyn Broker>, inboxes: Option<Arc<Inboxes>>) -> Self {
        Self { broker, inboxes }
    }

    /// Publishes letters to one topic, each until it is stored or given up.
    pub(super) async fn publish<L: Letter>(&self, topic: &TopicName, mut letters: Vec<L>) {
        loop {
            letters = self.try_to_publish(topic, letters).await;
            if letters.is_empty() {
                return;
            }
            sleep(PAUSE).await;
            letters.retain(Letter::is_wanted);
        }
    }

    /// Returns those that are to be published again.
    pub(super) async fn try_to_publish<L: Letter>(
        &self,
        topic: &TopicName,
        letters: Vec<L>,
    ) -> Vec<L> {
        if let Some(inboxes) = &self.inboxes
            && !inboxes.is_there(topic).await
        {
            letters.into_iter().for_each(|l| l.ended(End::Orphaned));
            return Vec::new();
        }
        let messages: Vec<_> = letters.iter().map(|l| l.message().clone()).collect();
        let published = self.broker.publish(&messages).await;
        left_over(topic, letters, published)
    }
}

/// Tells what became of letters, and returns those that are to be published again.
fn left_over<L: Letter>(
    topic: &TopicName,
    letters: Vec<L>,
    published: Result<Vec<Published>>,
) -> Vec<L> {
    let (outcomes, failed) = match published {
        Ok(outcomes) => (outcomes, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let mut outcomes = outcomes.into_iter();
    let soon = Instant::now() + PAUSE;
    let mut again = Vec::new();
    for letter in letters {
        let is_new = |published: Published| {
            let is_new = matches!(published, Published::Stored);
            published.into_result().map(|()| is_new)
        };
        let outcome = match (&failed, outcomes.next()) {
            (Some(error), _) => Err(error.duplicate()),
            (None, Some(published)) => is_new(published),
            (None, None) => Err(Error::new(
                ErrorKind::Unexpected,
                "the backend gave no outcome for a publish",
            )),
        };
        match outcome {
            Ok(true) => letter.ended(End::Stored),
            Ok(false) => letter.ended(End::Duplicate),
            Err(error) if error.is_transient() && soon < letter.until() => {
                tracing::debug!(%topic, %error, "a message was not taken; trying again");
                again.push(letter);
            }
            Err(error) => letter.ended(End::Failed(error)),
        }
    }
    again
}
