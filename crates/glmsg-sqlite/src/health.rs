//! Whether the store can do its work.

use std::time::{Duration, Instant};

use glmsg_broker::Health;
use glmsg_core::Result;

use crate::SqliteBroker;
use crate::connection::absolute;

/// How long a health probe may take.
const PROBE: Duration = Duration::from_secs(5);

impl SqliteBroker {
    pub(crate) async fn check_health(&self) -> Health {
        let start = Instant::now();
        if let Some(poison) = self.status.poison() {
            return Health::unhealthy(start.elapsed(), poison.to_string());
        }
        let probed = tokio::time::timeout(PROBE, self.probe()).await;
        let latency = start.elapsed();
        match probed {
            Ok(Ok(details)) => details
                .into_iter()
                .fold(Health::healthy(latency), |health, (name, value)| {
                    health.detail(name, value)
                }),
            Ok(Err(error)) => Health::unhealthy(latency, error.to_string()),
            Err(_) => Health::unhealthy(
                latency,
                "the store did not answer within 5 s; another process may keep it locked, or the \
                 disk is slow",
            ),
        }
    }

    async fn probe(&self) -> Result<Vec<(&'static str, String)>> {
        self.handle.call(1, |store| store.probe()).await?;
        let path = absolute(&self.config.path)?;
        let read = self.readers.read(move |conn| {
            let sqlite: String = conn.query_row("SELECT sqlite_version()", [], |row| row.get(0))?;
            let _: i64 = conn.query_row("SELECT count(*) FROM topic", [], |row| row.get(0))?;
            let size = |suffix: &str| {
                let mut name = path.clone().into_os_string();
                name.push(suffix);
                std::fs::metadata(name).map_or(0, |found| found.len())
            };
            Ok(vec![
                ("sqlite", sqlite),
                ("file_bytes", size("").to_string()),
                ("wal_bytes", size("-wal").to_string()),
            ])
        });
        read.await
    }
}
