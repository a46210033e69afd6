//! Whether the server can do its work.

use std::time::{Duration, Instant};

use glmsg_broker::Health;
use redis::Pipeline;

use crate::broker::Shared;
use crate::encode::{fine, next};
use crate::keys::registry;

/// How long a probe may take.
const PATIENCE: Duration = Duration::from_secs(4);

impl Shared {
    fn healthy(&self, latency: Duration) -> Health {
        let health = Health::healthy(latency);
        match self.recent.losses() {
            (0, _) => health,
            (lost, stored_again) => health
                .detail("messages_lost", lost)
                .detail("messages_stored_again", stored_again),
        }
    }

    pub(crate) async fn check_health(&self) -> Health {
        let begun = Instant::now();
        if self.check_open().is_err() {
            return Health::unhealthy(begun.elapsed(), "the broker is closed");
        }
        let (slot, key) = registry(&self.link.config().namespace);
        let mut write = redis::cmd("SET");
        // A write of its own, gone by itself: a server that answers but cannot write is not healthy.
        write
            .arg(format!("{key}:probe"))
            .arg("1")
            .arg("PX")
            .arg(10_000);
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(write);
        let probe = tokio::time::timeout(PATIENCE, self.link.send(slot, &pipeline)).await;
        let latency = begun.elapsed();
        let probed = match probe {
            Err(_) => return Health::unhealthy(latency, "the server did not answer in 4 s"),
            Ok(Err(e)) => Err(e),
            Ok(Ok(replies)) => next(&mut replies.values.into_iter()).and_then(fine),
        };
        match probed {
            Ok(_) => self.healthy(latency),
            Err(e) => Health::unhealthy(latency, e.to_string()),
        }
    }
}
