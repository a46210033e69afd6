//! Running a command for each message.
//!
//! This is a loop of its own, and not the consumer runtime, because of `--count`: a runtime takes
//! messages ahead of its handlers, and here not one more than asked for may be taken.

mod command;
mod payload;
mod quota;
mod work;

use std::sync::Arc;
use std::time::Duration;

use glmsg::{
    Clock, DeadLetterReason, Handling, Nack, Received, Requeue, Settled, SubscribeOptions,
    SystemClock, Token,
};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::quota::{Quota, Room};
use self::work::{Ended, Work};
use super::attempts::Attempts;
use super::member::Member;
use super::{Args, broken, patience, until};
use crate::failure::{Failure, say};
use crate::interrupt::Interrupt;
use crate::session::Session;
use crate::table::counted;

/// How long to look away when another message came than the one that is due.
const PAUSE: Duration = Duration::from_millis(100);

struct Crew<'a> {
    member: &'a mut Member,
    hands: usize,
    command: Arc<str>,
    /// Where it is told how long commands ran, if anybody wants to know.
    handling: Option<Handling>,
    abort: CancellationToken,
    running: JoinSet<Ended>,
    quota: Quota,
    attempts: Attempts,
    /// Nothing is taken before this.
    not_before: Instant,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    acked: u64,
    retried: u64,
    dead_lettered: u64,
    stale: u64,
}

pub(super) async fn run(
    session: &mut Session,
    member: &mut Member,
    (args, options, attempts): (&Args, &SubscribeOptions, Attempts),
    command: &str,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let metrics = member.broker.metrics();
    let mut crew = Crew {
        member,
        hands: args
            .workers
            .or(session.preferences.workers)
            .unwrap_or(1)
            .into(),
        command: command.into(),
        handling: metrics.map(|metrics| metrics.handling(&options.topic, &options.group)),
        abort: interrupt.abort.clone(),
        running: JoinSet::new(),
        quota: Quota::new(args.count),
        attempts,
        not_before: Instant::now(),
        tally: Tally::default(),
    };
    let outcome = crew.work(patience(args), &interrupt.finish).await;
    // What is begun is finished, also when the broker failed for a moment.
    let drained = crew.drain().await;
    if !session.quiet && outcome.is_ok() && drained.is_ok() {
        session.progress.note(&crew.tally.summary());
    }
    outcome.and(drained)
}

impl Crew<'_> {
    async fn work(
        &mut self,
        patience: Option<Duration>,
        finish: &CancellationToken,
    ) -> Result<(), Failure> {
        let mut batch = Vec::new();
        let mut last = Instant::now();
        while !self.quota.is_full() {
            let busy = self.running.len();
            let (want, from) = self.room();
            // Silence of the broker is not silence of the topic.
            let was_waiting = self.member.waiting.is_waiting();
            let idle = patience.filter(|_| busy == 0 && !was_waiting);
            let idle = idle.map(|wait| last + wait);
            tokio::select! {
                biased;
                () = finish.cancelled() => return Ok(()),
                Some(ended) = self.running.join_next(), if busy > 0 => {
                    self.settle(ended.ok()).await?;
                    last = Instant::now();
                }
                received = receive(self.member, &mut batch, want, from), if want > 0 => {
                    received?;
                    if !batch.is_empty() {
                        last = Instant::now();
                    }
                    self.begin(&mut batch).await?;
                }
                () = until(idle) => {
                    if self.member.is_silent(finish).await? {
                        return Ok(());
                    }
                    last = Instant::now();
                }
            }
            if was_waiting || self.member.waiting.is_waiting() {
                last = Instant::now();
            }
        }
        Ok(())
    }

    /// How many messages to take, and from when on.
    fn room(&self) -> (usize, Instant) {
        let free = self.hands - self.running.len();
        match self.quota.room(self.running.len() as u64) {
            Room::Any => (free, self.not_before),
            Room::Some(left) => {
                let left = usize::try_from(left).unwrap_or(usize::MAX);
                (free.min(left), self.not_before)
            }
            Room::Again(due) => (free.min(1), self.not_before.max(due)),
            Room::None => (0, self.not_before),
        }
    }

    /// Starts the commands of what came.
    async fn begin(&mut self, batch: &mut Vec<Received>) -> Result<(), Failure> {
        let mut not_ours: Vec<Token> = Vec::new();
        let mut refused: Vec<Nack> = Vec::new();
        for received in batch.drain(..) {
            if !self
                .quota
                .admit(received.message.id(), self.running.len() as u64)
            {
                // One beyond the count, where one was expected that comes again.
                not_ours.push(received.token);
                continue;
            }
            let attempt = self.attempts.begin(&received);
            if let Some(e) = broken(&received.message) {
                let id = received.message.id();
                say(&format!("message {id} is a dead letter now: {e}"));
                let reason = DeadLetterReason::BadProvenance;
                let nack = Nack::reject(received.token, reason, &e.to_string());
                attempt.failed(&nack);
                refused.push(nack);
                self.quota.done();
                continue;
            }
            let work = Work {
                attempt,
                command: self.command.clone(),
                attempts: self.attempts.clone(),
                handling: self.handling.clone(),
                abort: self.abort.clone(),
            };
            self.running.spawn(work.run(received));
        }
        if !not_ours.is_empty() {
            self.member.release(&not_ours).await?;
            self.not_before = Instant::now() + PAUSE;
        }
        if !refused.is_empty() {
            self.member.nack(&refused).await?;
            self.tally.dead_lettered += refused.len() as u64;
        }
        Ok(())
    }

    /// Settles what has ended: the first, and whatever else has by now.
    async fn settle(&mut self, first: Option<Ended>) -> Result<(), Failure> {
        let mut ended: Vec<Ended> = first.into_iter().collect();
        while let Some(next) = self.running.try_join_next() {
            ended.extend(next.ok());
        }
        // A command stopped by the second signal is nobody's failure: its message is not settled,
        // and comes again. The process is about to end.
        if self.abort.is_cancelled() {
            std::future::pending::<()>().await;
        }
        let (good, bad): (Vec<Ended>, Vec<Ended>) = ended.into_iter().partition(|e| e.1.is_none());
        if !good.is_empty() {
            let tokens: Vec<Token> = good.iter().map(|(received, _)| received.token).collect();
            let outcomes = self.member.ack(&tokens).await?;
            for ((received, _), outcome) in good.iter().zip(outcomes.value) {
                // A lost answer had said so, most likely.
                let outcome = match outcome {
                    Settled::Stale if outcomes.is_repeated => Settled::Acked,
                    outcome => outcome,
                };
                self.count(received, outcome, Duration::ZERO);
            }
        }
        if !bad.is_empty() {
            let (failed, nacks): (Vec<Received>, Vec<Nack>) = bad
                .into_iter()
                .filter_map(|(received, nack)| Some((received, nack?)))
                .unzip();
            let outcomes = self.member.nack(&nacks).await?;
            for ((received, nack), outcome) in failed.iter().zip(&nacks).zip(outcomes.value) {
                let delay = match nack.requeue {
                    Requeue::After(delay) => delay,
                    Requeue::Never => Duration::ZERO,
                };
                let outcome = match outcome {
                    Settled::Stale if outcomes.is_repeated => {
                        Settled::Retried(SystemClock.now().after(delay))
                    }
                    outcome => outcome,
                };
                self.count(received, outcome, delay);
            }
        }
        Ok(())
    }

    fn count(&mut self, received: &Received, outcome: Settled, delay: Duration) {
        match outcome {
            Settled::Retried(_) => {
                self.tally.retried += 1;
                let due = Instant::now() + delay;
                self.quota.again(received.message.id(), due);
                return;
            }
            Settled::DeadLettered(_) => self.tally.dead_lettered += 1,
            Settled::Stale => self.tally.stale += 1,
            _ => self.tally.acked += 1,
        }
        self.quota.done();
    }

    /// Lets the running commands finish.
    async fn drain(&mut self) -> Result<(), Failure> {
        let mut outcome = Ok(());
        while let Some(ended) = self.running.join_next().await {
            outcome = outcome.and(self.settle(ended.ok()).await);
        }
        outcome
    }
}

/// Receives from a time on. Cancel-safe.
async fn receive(
    member: &mut Member,
    batch: &mut Vec<Received>,
    want: usize,
    from: Instant,
) -> Result<(), Failure> {
    tokio::time::sleep_until(from).await;
    member.receive(batch, want).await
}

impl Tally {
    fn summary(&self) -> String {
        let mut text = format!("handled {}", counted(self.acked, "message"));
        for (count, what) in [
            (
                self.retried,
                ["failed attempt was retried", "failed attempts were retried"],
            ),
            (
                self.dead_lettered,
                ["became a dead letter", "became dead letters"],
            ),
            (self.stale, ["had gone to another member"; 2]),
        ] {
            if count > 0 {
                text += &format!("; {count} {}", what[usize::from(count > 1)]);
            }
        }
        text
    }
}
