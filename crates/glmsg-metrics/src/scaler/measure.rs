//! What a scaler decides by, measured between two looks.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::Broker;
use glmsg_core::Result;
use tokio::time::Instant;

use super::policy::ScaleLook;
use crate::series::GroupSeries;
use crate::store::GroupKey;

/// How much of a new measurement goes into the mean of those before.
const NEW: f64 = 0.5;

#[derive(Debug)]
pub(super) struct Measure {
    broker: Arc<dyn Broker>,
    series: Arc<GroupSeries>,
    group: GroupKey,
    before: Option<Before>,
    arrivals: Option<f64>,
    handling: Option<f64>,
}

/// What the last look saw.
#[derive(Debug, Clone, Copy)]
struct Before {
    at: Instant,
    lag: u64,
    done: u64,
    handled: u64,
    took: Duration,
}

impl Measure {
    pub(super) fn new(broker: Arc<dyn Broker>, series: Arc<GroupSeries>, group: GroupKey) -> Self {
        Self {
            broker,
            series,
            group,
            before: None,
            arrivals: None,
            handling: None,
        }
    }

    /// Looks; `None` while there is nothing to compare with, or no handler has ended.
    pub(super) async fn look(&mut self, at: Instant, workers: usize) -> Result<Option<ScaleLook>> {
        let lag = self.broker.lag(&self.group.0, &self.group.1).await?;
        let (handled, took) = self.series.handling.total();
        let now = Before {
            at,
            lag: lag.total(),
            done: self.series.done(),
            handled,
            took,
        };
        let Some(before) = self.before.replace(now) else {
            return Ok(None);
        };
        let seconds = at.duration_since(before.at).as_secs_f64().max(0.001);
        // What is there now and was done since, less what was there: what has come.
        let come = (now.lag + now.done).saturating_sub(before.lag + before.done);
        mean(&mut self.arrivals, number(come) / seconds);
        let ended = now.handled - before.handled;
        if ended > 0 {
            let took = now.took.saturating_sub(before.took).as_secs_f64();
            mean(&mut self.handling, took / number(ended));
        }
        let held = u64::try_from(workers).unwrap_or(u64::MAX);
        let (Some(handling), Some(arrivals)) = (self.handling, self.arrivals) else {
            return Ok(None);
        };
        Ok(Some(ScaleLook {
            // What a worker has in its hands does not wait for one.
            backlog: lag.undelivered + lag.in_flight.saturating_sub(held),
            arrivals,
            handling: Duration::try_from_secs_f64(handling).unwrap_or(Duration::MAX),
        }))
    }
}

fn mean(of: &mut Option<f64>, new: f64) {
    *of = Some(of.map_or(new, |old| old + NEW * (new - old)));
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a measurement, not a count to be kept"
)]
fn number(count: u64) -> f64 {
    count as f64
}
