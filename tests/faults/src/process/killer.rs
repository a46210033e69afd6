//! Doing something terrible again and again, at random times that follow from a seed.

use std::fmt;
use std::future::Future;
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// A task that kills, or breaks, or restarts something on a seeded schedule until it is told to stop.
///
/// ```no_run
/// # use glmsg_faults::{ledger::Writer, process::Killer, server::RedisServer};
/// # use std::time::Duration;
/// # async fn example(redis: RedisServer, ledger: Writer) {
/// let every = Duration::from_secs(2)..=Duration::from_secs(4);
/// let killer = Killer::start(7, every, move |_| {
///     let (redis, ledger) = (redis.clone(), ledger.clone());
///     async move {
///         ledger.fault_begin("kill");
///         redis.kill9().await;
///         redis.restart().await;
///         ledger.fault_end("kill");
///     }
/// });
/// // … traffic …
/// killer.reaches(5).await;
/// let kills = killer.stop().await;
/// # }
/// ```
///
/// One that is dropped without [`stop`](Self::stop) is aborted, in the midst of what it does.
#[must_use = "it ends when it is dropped"]
pub struct Killer {
    stop: Option<oneshot::Sender<()>>,
    rounds: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Killer {
    /// Waits for a time of the range, does `action` with the number of its round, from 0, and begins again.
    pub fn start<A, F>(seed: u64, every: RangeInclusive<Duration>, mut action: A) -> Self
    where
        A: FnMut(u64) -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let (stop, mut stopped) = oneshot::channel();
        let (finished, rounds) = watch::channel(0);
        let mut rng = Rng::with_seed(seed);
        let task = tokio::spawn(async move {
            for round in 0.. {
                let pause = between(&mut rng, &every);
                tokio::select! {
                    _ = &mut stopped => return,
                    () = tokio::time::sleep(pause) => {}
                }
                action(round).await;
                finished.send_replace(round + 1);
            }
        });
        Self {
            stop: Some(stop),
            rounds,
            task,
        }
    }

    /// Waits until so many rounds are finished, so that a case goes on for as long as its faults need.
    ///
    /// # Panics
    /// If a round panicked.
    pub async fn reaches(&self, rounds: u64) {
        let mut finished = self.rounds.clone();
        let reached = finished.wait_for(|finished| *finished >= rounds).await;
        assert!(reached.is_ok(), "the killer failed before round {rounds}");
    }

    /// Lets the round under way finish, so that what was killed runs again, and returns how many there were.
    ///
    /// # Panics
    /// If a round panicked.
    pub async fn stop(mut self) -> u64 {
        // Nobody receives it if a round has panicked.
        let _ = self.stop.take().is_some_and(|stop| stop.send(()).is_ok());
        match (&mut self.task).await {
            Ok(()) => *self.rounds.borrow(),
            Err(error) => panic!("the killer failed: {error}"),
        }
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Killer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Killer").finish_non_exhaustive()
    }
}

/// A time of that range, the ends included.
pub(crate) fn between(rng: &mut Rng, range: &RangeInclusive<Duration>) -> Duration {
    let spread = range.end().saturating_sub(*range.start());
    *range.start() + spread.mul_f64(rng.f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    const AT_ONCE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_millis(2);

    #[tokio::test]
    async fn rounds_are_counted_and_the_last_one_is_finished() {
        let (began, mut begun) = mpsc::unbounded_channel();
        let (ended, mut done) = mpsc::unbounded_channel();
        let killer = Killer::start(1, AT_ONCE, move |round| {
            let (began, ended) = (began.clone(), ended.clone());
            async move {
                began.send(round).unwrap();
                tokio::task::yield_now().await;
                ended.send(round).unwrap();
            }
        });
        while begun.recv().await != Some(3) {}
        killer.reaches(3).await;
        let rounds = killer.stop().await;
        assert!(rounds >= 4);
        let mut finished = 0;
        while done.recv().await.is_some() {
            finished += 1;
        }
        assert_eq!(finished, rounds);
    }

    #[tokio::test]
    #[should_panic(expected = "the killer failed")]
    async fn a_round_that_panics_is_not_forgotten() {
        let (told, mut tell) = mpsc::unbounded_channel::<()>();
        let killer = Killer::start(1, AT_ONCE, move |_| {
            drop(told.clone());
            async { panic!("no server") }
        });
        assert!(tell.recv().await.is_none(), "the task is over");
        killer.stop().await;
    }

    #[test]
    fn times_follow_from_the_seed() {
        let range = Duration::from_millis(5)..=Duration::from_millis(9);
        let times = |seed| {
            let mut rng = Rng::with_seed(seed);
            (0..20)
                .map(|_| between(&mut rng, &range))
                .collect::<Vec<_>>()
        };
        assert_eq!(times(3), times(3));
        assert_ne!(times(3), times(4));
        assert!(times(3).iter().all(|time| range.contains(time)));
    }
}
