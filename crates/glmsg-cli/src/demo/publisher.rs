//! Publishing the flights, in batches.

use std::sync::Arc;

use glmsg::{Broker, Published};
use tokio::task::JoinHandle;

use super::{Plan, flight};
use crate::failure::Failure;
use crate::progress::Progress;

/// Flights stored together.
const BATCH: usize = 500;

pub(super) struct Publisher(JoinHandle<Result<u64, Failure>>);

impl Publisher {
    pub(super) fn start(broker: &Arc<dyn Broker>, plan: &Plan, progress: &Progress) -> Self {
        let (broker, plan) = (broker.clone(), plan.clone());
        let bar = progress.count("published", flight::COUNT);
        Self(tokio::spawn(async move {
            let mut stored = 0;
            let rows = flight::rows()?;
            let numbered: Vec<_> = (0..).zip(rows).collect();
            for rows in numbered.chunks(BATCH) {
                let batch: Result<Vec<_>, Failure> = rows
                    .iter()
                    .map(|(number, row)| flight::message(&plan, *number, row))
                    .collect();
                for outcome in broker.publish(&batch?).await? {
                    stored += u64::from(matches!(outcome, Published::Stored));
                    outcome.into_result()?;
                }
                bar.set_position(stored);
            }
            bar.finish();
            Ok(stored)
        }))
    }

    /// Waits for the end; how many were stored. Cancel-safe, until it has returned.
    pub(super) async fn done(&mut self) -> Result<u64, Failure> {
        (&mut self.0)
            .await
            .unwrap_or_else(|e| Err(Failure::failed(format!("publishing was stopped: {e}"))))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}
