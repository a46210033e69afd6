//! Who is told how long handlers ran.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{GroupName, TopicName};

use crate::BrokerMetrics;

/// Is told how long the handlers of consumers ran, by topic and group. A layer sees deliveries and
/// settlements, and between them a message also waits in its consumer: this is the time of the
/// handler alone. See [`BrokerMetrics::observed_by`].
pub trait HandlingObserver: fmt::Debug + Send + Sync + 'static {
    /// Where a consumer of `topic` in `group` records. Asked once for each consumer, when it
    /// starts.
    fn recorder(&self, topic: &TopicName, group: &GroupName) -> Arc<dyn HandlingRecorder>;
}

/// Where one consumer records how long its handlers ran.
pub trait HandlingRecorder: fmt::Debug + Send + Sync + 'static {
    /// Records handlers that have ended, however they did. Called by workers, for several handlers
    /// at once where these are quick.
    fn record(&self, took: &[Duration]);
}

/// Where a consumer records how long its handlers ran: the broker's numbers, and the observers.
/// [`BrokerMetrics::handling`] gives it. A clone records into the same.
#[derive(Debug, Clone)]
pub struct Handling {
    metrics: BrokerMetrics,
    recorders: Vec<Arc<dyn HandlingRecorder>>,
}

impl Handling {
    pub(super) fn new(metrics: BrokerMetrics, recorders: Vec<Arc<dyn HandlingRecorder>>) -> Self {
        Self { metrics, recorders }
    }

    /// Records handlers that have ended, however they did.
    pub fn record(&self, took: &[Duration]) {
        self.metrics.record_handling(took);
        for recorder in &self.recorders {
            recorder.record(took);
        }
    }
}
