//! What a broker says by itself about lost data.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use glmsg_broker::{Broker, Layer, MetricsLayer};
use glmsg_core::Result;
use glmsg_faults::ledger::Writer;
use glmsg_faults::until;
use glmsg_redis::{RedisBroker, RedisConfig, RedisEvent};

/// How often a broker is tried to be reached: as long as this takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a broker has said so far about messages that it was told are stored and that are gone.
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    lost: AtomicU64,
    stored_again: AtomicU64,
}

impl Told {
    /// Opens a broker, and records in the ledger what it says that it lost. One that is no Redis says nothing.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open(url: &str, ledger: &Writer) -> Result<(Arc<dyn Broker>, Self)> {
        let told = Self::default();
        if !url.starts_with("redis") {
            return Ok((glmsg::connect(url).await?, told));
        }
        let broker = RedisBroker::open(RedisConfig::from_url(url)?).await?;
        let (mut events, ledger, counts) = (broker.events(), ledger.clone(), told.0.clone());
        tokio::spawn(async move {
            while let Ok(event) = events.recv().await {
                let RedisEvent::MessagesLost {
                    lost, stored_again, ..
                } = event
                else {
                    ledger.loss_reported(1);
                    continue;
                };
                ledger.loss_reported(lost);
                counts.lost.fetch_add(lost, Ordering::Relaxed);
                counts
                    .stored_again
                    .fetch_add(stored_again, Ordering::Relaxed);
            }
        });
        Ok((MetricsLayer::new().layer(Arc::new(broker)), told))
    }

    /// The same, tried for a while.
    ///
    /// # Panics
    /// If it cannot be opened for a minute.
    pub async fn connect(url: &str, ledger: &Writer) -> (Arc<dyn Broker>, Self) {
        let found = std::sync::Mutex::new(None);
        until("the broker can be reached", PATIENCE, || async {
            let opened = Self::open(url, ledger).await;
            let is_open = opened.is_ok();
            *found.lock().expect("nobody panics") = opened.ok();
            is_open
        })
        .await;
        let found = found.into_inner().expect("nobody panics");
        found.expect("it was found")
    }

    /// How many were lost.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// How many of these were stored again.
    pub fn stored_again(&self) -> u64 {
        self.0.stored_again.load(Ordering::Relaxed)
    }
}
