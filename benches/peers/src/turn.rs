//! How a turn of publishing or consuming is timed, the same for every library.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::{Outcome, sample};

/// How long a turn of publishing lasts.
const TURN: Duration = Duration::from_millis(500);
/// How many messages a turn of consuming takes.
pub(crate) const CONSUMED: u64 = 100_000;
/// Its first and last tenth are not timed: they are the start, and the end without a next read.
const EDGE: u64 = CONSUMED / 10;

/// One task's part of a turn of publishing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    started: Instant,
    /// How many messages the task has published.
    pub(crate) count: u64,
}

impl Turn {
    /// Whether to publish once more.
    pub(crate) fn goes_on(&self) -> bool {
        self.started.elapsed() < TURN
    }
}

/// Runs as many tasks at the same time, and says how many messages a second they published.
pub(crate) async fn publish<F>(tasks: usize, task: impl Fn(Turn) -> F) -> Outcome<f64>
where
    F: Future<Output = Outcome<Turn>> + Send + 'static,
{
    let started = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..tasks {
        running.spawn(task(Turn { started, count: 0 }));
    }
    let mut published = 0;
    while let Some(turn) = running.join_next().await {
        published += turn??.count;
    }
    Ok(per_second(published, started.elapsed()))
}

/// What a consumer has taken, and when.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    count: u64,
    sum: u64,
    from: Option<Instant>,
    to: Option<Instant>,
}

impl Taken {
    /// Takes one message.
    pub(crate) fn take(&mut self, payload: &[u8]) -> Outcome<()> {
        self.sum += sample::number(payload).ok_or("a payload is too short")?;
        self.count += 1;
        match self.count {
            EDGE => self.from = Some(Instant::now()),
            n if n == CONSUMED - EDGE => self.to = Some(Instant::now()),
            _ => {}
        }
        Ok(())
    }

    /// Whether it was the last.
    pub(crate) fn is_all(&self) -> bool {
        self.count >= CONSUMED
    }

    /// Messages a second. Fails where one was lost or came twice.
    pub(crate) fn rate(&self) -> Outcome<f64> {
        let expected = (CONSUMED, CONSUMED * (CONSUMED - 1) / 2);
        if (self.count, self.sum) != expected {
            return Err(format!("{} messages came, and not each once", self.count).into());
        }
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return Err("the messages were not timed".into());
        };
        Ok(per_second(CONSUMED - 2 * EDGE, to - from))
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
