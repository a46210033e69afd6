//! Whether the cluster can do its work.

use std::time::Instant;

use glmsg_broker::Health;

use crate::broker::Shared;

impl Shared {
    pub(crate) async fn check_health(&self) -> Health {
        let begun = Instant::now();
        if self.check_open().is_err() {
            return Health::unhealthy(begun.elapsed(), "the broker is closed");
        }
        match self.link.all_topics().await {
            Ok(topics) => Health::healthy(begun.elapsed()).detail("topics", topics.len()),
            Err(error) => Health::unhealthy(begun.elapsed(), error.to_string()),
        }
    }
}
