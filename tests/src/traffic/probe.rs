//! Asking a broker for its health, again and again.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, HealthStatus};
use glmsg_faults::ledger::Writer;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Health probes in the background, each in the ledger.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Probe {
    answers: watch::Receiver<Vec<bool>>,
    task: JoinHandle<()>,
}

impl Probe {
    /// Asks, waits for the answer and for so long, and asks again.
    pub fn start(broker: Arc<dyn Broker>, ledger: Writer, pause: Duration) -> Self {
        let (told, answers) = watch::channel(Vec::new());
        let task = tokio::spawn(async move {
            loop {
                let health = broker.health().await;
                let is_healthy = health.status == HealthStatus::Healthy;
                ledger.health(is_healthy);
                told.send_modify(|answers| answers.push(is_healthy));
                tokio::time::sleep(pause).await;
            }
        });
        Self { answers, task }
    }

    /// Waits until a probe that is answered from now on says that all is well.
    ///
    /// # Panics
    /// If none does within half a minute.
    pub async fn is_well(&self) {
        let mut answers = self.answers.clone();
        let known = answers.borrow_and_update().len();
        let well = answers.wait_for(|answers| answers[known..].contains(&true));
        let well = tokio::time::timeout(Duration::from_secs(30), well).await;
        assert!(matches!(well, Ok(Ok(_))), "the broker is not well again");
    }

    /// Asks no more; returns the answers.
    pub fn stop(self) -> Vec<bool> {
        self.answers.borrow().clone()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.task.abort();
    }
}
