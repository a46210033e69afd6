//! Whether all brokers know of a change. Each learns of it from the controller by itself, so that one
//! that is asked may say what is no longer so.

use std::sync::Arc;
use std::time::Duration;

use glmsg_core::Result;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::known::{UNKNOWN_TOPIC, ask, told};
use super::{Cluster, Leaders};

/// A leader is being chosen.
const NO_LEADER: i16 = 5;
/// How long is waited before a broker is asked again: at first, and at most.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What is awaited of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// They are there, and all of their partitions have leaders.
    There,
    /// They are not there.
    Gone,
}

impl Presence {
    fn is_in(self, told: &Leaders) -> bool {
        match (self, told.code) {
            (Self::There, 0) => !told.nodes.is_empty() && told.nodes.iter().all(|node| *node >= 0),
            // What may not be told, or not for another reason, need not be waited for.
            (Self::There, code) => code != UNKNOWN_TOPIC && code != NO_LEADER,
            (Self::Gone, code) => code != 0 && code != NO_LEADER,
        }
    }
}

impl Cluster {
    /// Waits until every broker says so of these topics, as after they were made or deleted; all are asked at once. A
    /// broker that cannot be asked is left out. Returns whether all say so before the time is over.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask), by which it learns the brokers.
    pub async fn agree(
        self: &Arc<Self>,
        topics: &[&str],
        presence: Presence,
        within: Duration,
    ) -> Result<bool> {
        let until = Instant::now() + within;
        let topics: Arc<[String]> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.ask(&[]).await?;
        // They end with this future.
        let mut asked = JoinSet::new();
        for node in self.known.nodes() {
            let (cluster, topics) = (Arc::clone(self), Arc::clone(&topics));
            asked.spawn(async move {
                let asking = cluster.agrees(node, &topics, presence, until);
                match timeout_at(until, asking).await {
                    Ok(Ok(agrees)) => agrees,
                    Ok(Err(error)) => {
                        tracing::debug!(%error, node, "a broker cannot be asked");
                        true
                    }
                    Err(_) => false,
                }
            });
        }
        while let Some(agrees) = asked.join_next().await {
            // One that was aborted ends with its runtime.
            if !agrees.unwrap_or(false) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn agrees(
        &self,
        node: i32,
        topics: &[String],
        presence: Presence,
        until: Instant,
    ) -> Result<bool> {
        let mut connection = self.connect(node).await?;
        let mut pause = PAUSE;
        loop {
            let response = ask(&mut connection, topics).await?;
            let mut each = topics.iter().map(|topic| told(&response, topic));
            if each.all(|told| presence.is_in(&told)) {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
