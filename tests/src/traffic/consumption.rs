//! A consumer of the traffic.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    Broker, Consumer, ConsumerHandle, HandlerError, Incoming, Ordering, RetryPolicy,
};
use glmsg_core::Result;
use glmsg_faults::ledger::Writer;
use serde::{Deserialize, Serialize};

use super::{Duty, Pen, Recorder};

/// How the traffic is consumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumption {
    /// Messages handled at a time.
    pub workers: usize,
    /// Messages that may wait in the process.
    pub prefetch: usize,
    /// The lease.
    pub lease: Duration,
    /// How long a handler may run.
    pub handler_timeout: Option<Duration>,
    /// How long after each failed attempt the next may come.
    pub retry: Vec<Duration>,
    /// Whether the order of keys is kept.
    pub ordered: bool,
    /// How many consumers a process has.
    pub consumers: usize,
}

impl Default for Consumption {
    /// Short leases and short delays, so that a case need not wait long for either.
    fn default() -> Self {
        Self {
            workers: 8,
            prefetch: 32,
            lease: Duration::from_secs(2),
            handler_timeout: None,
            retry: [0, 100, 200].map(Duration::from_millis).into(),
            ordered: false,
            consumers: 1,
        }
    }
}

impl Consumption {
    /// Starts a consumer that does what messages ask of it, and records each step.
    ///
    /// # Errors
    /// As [`ConsumerBuilder::start`](glmsg_broker::ConsumerBuilder::start).
    pub async fn start(
        &self,
        broker: Arc<dyn Broker>,
        (topic, group): (&str, &str),
        ledger: &Writer,
    ) -> Result<ConsumerHandle> {
        self.start_with(broker, (topic, group), Pen::new(ledger.clone(), group))
            .await
    }

    /// The same with that pen.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(
        &self,
        broker: Arc<dyn Broker>,
        (topic, group): (&str, &str),
        pen: Pen,
    ) -> Result<ConsumerHandle> {
        let broker = Recorder::before(broker, pen.clone(), self.lease);
        let mut consumer = Consumer::new(broker, topic, group)
            .workers(self.workers)
            .prefetch(self.prefetch)
            .lease(self.lease)
            .retry(RetryPolicy::new(self.retry.clone()))
            .ordering(match self.ordered {
                true => Ordering::PerKey,
                false => Ordering::None,
            });
        if let Some(timeout) = self.handler_timeout {
            consumer = consumer.handler_timeout(timeout);
        }
        let handler = move |incoming: Incoming| {
            let pen = pen.clone();
            async move {
                let duty = Duty::of(incoming.payload());
                if !duty.perform(incoming.attempt()).await {
                    return Err(HandlerError::retry("as asked"));
                }
                pen.done(&incoming.id().to_string(), incoming.attempt());
                Ok(())
            }
        };
        consumer.start(handler).await
    }
}
