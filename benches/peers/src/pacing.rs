//! Single messages at 1 000 a second, and how long each takes to its handler.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::Outcome;

/// How many messages a turn has.
pub(crate) const PACED: u64 = 2_000;
/// The number of the message that is sent before, to know that the consumer listens.
pub(crate) const FIRST: u64 = PACED;
/// For messages that were lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// A message's number, and when its handler got it.
pub(crate) type Arrival = (u64, Instant);
/// Where handlers put them.
pub(crate) type Arrivals = UnboundedSender<Arrival>;

/// Waits for the first message.
pub(crate) async fn first(arrivals: &mut UnboundedReceiver<Arrival>) -> Outcome<()> {
    let arrival = timeout(PATIENCE, arrivals.recv()).await?;
    arrival.ok_or("the consumer ended")?;
    Ok(())
}

/// Publishes every message from a task of its own, and returns the p50, p95 and p99 in microseconds.
pub(crate) async fn pace<F>(
    arrivals: UnboundedReceiver<Arrival>,
    publish: impl Fn(u64) -> F,
) -> Outcome<Vec<f64>>
where
    F: Future<Output = Outcome<()>> + Send + 'static,
{
    let arrived = collect(arrivals);
    let mut tick = interval(Duration::from_millis(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut called, mut running) = (Vec::new(), JoinSet::new());
    for number in 0..PACED {
        tick.tick().await;
        called.push(Instant::now());
        running.spawn(publish(number));
    }
    while let Some(published) = running.join_next().await {
        published??;
    }
    let mut micros = Vec::new();
    for (number, at) in arrived.await?? {
        let called = called.get(usize::try_from(number)?);
        let called = called.ok_or("a message came that was not sent")?;
        micros.push(at.saturating_duration_since(*called).as_secs_f64() * 1e6);
    }
    micros.sort_by(f64::total_cmp);
    let quantiles = [50, 95, 99].map(|percent| micros[micros.len() * percent / 100]);
    Ok(quantiles.to_vec())
}

fn collect(mut arrivals: UnboundedReceiver<Arrival>) -> JoinHandle<Outcome<Vec<Arrival>>> {
    tokio::spawn(async move {
        let mut arrived = Vec::new();
        for _ in 0..PACED {
            let arrival = timeout(PATIENCE, arrivals.recv()).await?;
            arrived.push(arrival.ok_or("the consumer ended")?);
        }
        Ok(arrived)
    })
}
