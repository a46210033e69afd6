//! Whether the cluster can do its work, and whether what this process takes part in moves on.

use std::time::Instant;

use glmsg_broker::Health;

use crate::broker::Shared;
use crate::group::Group;

impl Shared {
    pub(crate) async fn check_health(&self) -> Health {
        let begun = Instant::now();
        if self.check_open().is_err() {
            return Health::unhealthy(begun.elapsed(), "the broker is closed");
        }
        let topics = match self.link.all_topics().await {
            Ok(topics) => topics,
            Err(error) => return Health::unhealthy(begun.elapsed(), error.to_string()),
        };
        let groups = self.all_groups_here();
        let lag: i64 = groups.iter().map(|group| group.lag()).sum();
        let stuck = groups.iter().find_map(|group| group.standstill());
        let health = match stuck {
            Some(problem) => Health::unhealthy(begun.elapsed(), problem),
            None => Health::healthy(begun.elapsed()),
        };
        health
            .detail("topics", topics.len())
            .detail("groups", groups.len())
            .detail("lag", lag)
    }
}

impl Group {
    /// How many messages this process's partitions are behind, by the last statistics.
    fn lag(&self) -> i64 {
        self.progress().lag()
    }

    /// What is wrong, if messages come and none is done.
    fn standstill(&self) -> Option<String> {
        let patience = self.link.config().stalled_after;
        let stuck = self.progress().stuck(patience, Instant::now())?;
        Some(format!(
            "group `{}` of topic `{}` has done nothing of partition {} of {} for {} s while messages came, and is {} behind: \
             see what its handlers wait for, or raise stalled_after_ms if they take that long",
            self.group,
            self.topic,
            stuck.partition,
            stuck.topic,
            stuck.since.as_secs(),
            stuck.lag
        ))
    }
}
