//! Hints that a topic is new: announced live where the backend can, so that nobody has to wait for
//! the next look at the list of topics. A hint that is lost costs that wait and nothing more.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use glmsg_broker::{Broker, BrokerExt, LiveOptions, LiveSubscription};
use glmsg_core::{Message, Result, TopicName, TopicPattern};

/// Topics of hints begin with this; nothing is ever stored there.
const PREFIX: &str = "glmsg-new";
/// How many topics a publisher remembers to have hinted at.
const REMEMBERED: usize = 10_000;

/// What to listen to for hints at topics that match `pattern`.
pub(crate) fn pattern(pattern: &TopicPattern) -> Result<LiveOptions> {
    // A pattern so long that no prefix fits has no hints: what is heard then is never announced.
    let hints = TopicPattern::new(format!("{PREFIX}.{pattern}"))
        .or_else(|_| TopicPattern::new(format!("{PREFIX}.none")))?;
    Ok(LiveOptions::new(hints)?.buffer(16))
}

/// Begins to listen. Where that is not possible, the list of topics is all there is.
pub(crate) async fn listen(
    broker: &Arc<dyn Broker>,
    options: &LiveOptions,
) -> Option<LiveSubscription> {
    if !broker.capability().live {
        return None;
    }
    let listening = broker.listen(options.clone()).await;
    listening
        .inspect_err(|error| tracing::debug!(%error, "no hints at new topics"))
        .ok()
}

/// Waits for a hint, or for a sign that one may have been missed.
pub(crate) async fn heard(hints: &mut Option<LiveSubscription>) {
    let Some(live) = hints else {
        return std::future::pending().await;
    };
    if let Err(error) = live.recv().await {
        tracing::debug!(%error, "no more hints at new topics");
        *hints = None;
    }
}

/// The side that publishes: hints once at each topic that it is the first to publish to.
#[derive(Debug, Default)]
pub(crate) struct Hinter {
    known: Mutex<HashSet<TopicName>>,
}

impl Hinter {
    /// Tells of a topic that was published to, unless it was told before.
    pub(crate) async fn published(&self, broker: &Arc<dyn Broker>, topic: &TopicName) {
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.contains(topic) {
                return;
            }
            if known.len() == REMEMBERED {
                known.clear();
            }
            known.insert(topic.clone());
        }
        if !broker.capability().live {
            return;
        }
        let Ok(hint) = Message::new(format!("{PREFIX}.{topic}"), Vec::new()) else {
            return;
        };
        if let Err(error) = broker.announce(&[hint]).await {
            tracing::debug!(%topic, %error, "a new topic is not hinted at");
        }
    }
}
