//! Running a saga from where its journal ends.

mod attempt;
mod write;

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{CancellationToken, Verdict};
use glmsg_core::{Result, Timestamp, clean_error_text};

use self::attempt::Attempted;
use super::claim::Lease;
use super::journal::Entry;
use super::runner::Shared;
use super::step::StepDefinition;
use super::{SagaDefinition, SagaStatus, SagaView};

/// A saga, run by its owner.
pub(super) struct Drive<'a> {
    shared: &'a Shared,
    definition: Arc<SagaDefinition>,
    view: SagaView,
    lease: Lease,
    /// Our fencing token.
    fence: u64,
    /// Ends when the runner is to stop.
    stopping: CancellationToken,
}

/// How running a saga ended.
#[derive(Debug)]
pub(super) enum Driven {
    /// The saga is finished or parked.
    Ended,
    /// Somebody else owns it now.
    Lost,
    /// The runner is to stop.
    Stopped,
}

/// What comes next.
enum Next {
    Write(Entry),
    Step(usize),
    Undo(usize),
    Wait(Timestamp),
    End,
}

impl<'a> Drive<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        definition: Arc<SagaDefinition>,
        (view, lease): (SagaView, Lease),
        stopping: CancellationToken,
    ) -> Self {
        let fence = view.fence;
        Self {
            shared,
            definition,
            view,
            lease,
            fence,
            stopping,
        }
    }

    /// Runs the saga to its end, and gives back the lease.
    pub(super) async fn run(mut self) -> Result<Driven> {
        let driven = self.steps().await;
        if matches!(driven, Ok(Driven::Ended)) && self.view.status.is_finished() {
            self.shared.retire(&self.view.id).await;
        }
        if !matches!(driven, Ok(Driven::Lost)) {
            self.lease.release(&self.shared.storage).await;
        }
        driven
    }

    async fn steps(&mut self) -> Result<Driven> {
        loop {
            if self.view.fence != self.fence {
                return Ok(Driven::Lost);
            }
            let next = self.next();
            if self.stopping.is_cancelled() && !matches!(next, Next::Write(_) | Next::End) {
                return Ok(Driven::Stopped);
            }
            match next {
                Next::End => return Ok(Driven::Ended),
                // Where something came in between, it is decided anew.
                Next::Write(entry) => drop(self.decide(entry).await?),
                Next::Wait(until) => self.wait(until).await?,
                Next::Step(at) => self.step(at).await?,
                Next::Undo(at) => self.undo(at).await?,
            }
        }
    }

    fn next(&self) -> Next {
        match self.view.status {
            SagaStatus::Running => self.next_step(),
            SagaStatus::Compensating => self.next_undo(),
            SagaStatus::Parked | SagaStatus::Completed | SagaStatus::Compensated => Next::End,
        }
    }

    fn next_step(&self) -> Next {
        let compensate = |reason: String| Next::Write(Entry::Compensating { reason });
        if let Some(reason) = &self.view.cancelled {
            return compensate(format!("cancelled: {reason}"));
        }
        let todo = self.view.steps.iter().position(|s| s.output.is_none());
        let Some(at) = todo else {
            return Next::Write(Entry::Completed);
        };
        let (step, definition) = (&self.view.steps[at], &self.definition.steps[at]);
        if step.has_failed {
            let error = step.error.as_deref().unwrap_or_default();
            return compensate(format!("step {} failed: {error}", step.name));
        }
        if self.is_past_deadline() {
            return compensate(format!("timed out at step {}", step.name));
        }
        if step.attempts >= definition.attempts {
            return Next::Write(Entry::StepFailed {
                step: step.name.clone(),
                attempt: step.attempts,
                error: "the process ended in the last attempt".to_owned(),
                in_doubt: true,
                retry_at_us: None,
            });
        }
        match self.due(step.retry_at) {
            Some(until) => Next::Wait(self.view.deadline.map_or(until, |d| d.min(until))),
            None => Next::Step(at),
        }
    }

    fn next_undo(&self) -> Next {
        let todo = (0..self.view.steps.len()).rev().find(|at| {
            self.view.steps[*at].stands() && self.definition.steps[*at].compensation.is_some()
        });
        let Some(at) = todo else {
            return Next::Write(Entry::Compensated);
        };
        let (step, definition) = (&self.view.steps[at], &self.definition.steps[at]);
        if step.has_undo_failed || step.compensation_attempts >= definition.undo_attempts {
            let error = match step.is_undo_open {
                true => Some("the process ended in the last attempt"),
                false => step.compensation_error.as_deref(),
            };
            return Next::Write(Entry::Parked {
                step: step.name.clone(),
                error: error.unwrap_or_default().to_owned(),
            });
        }
        match self.due(step.retry_at) {
            Some(until) => Next::Wait(until),
            None => Next::Undo(at),
        }
    }

    /// The time of a retry, if that is still to come.
    fn due(&self, at: Option<Timestamp>) -> Option<Timestamp> {
        at.filter(|at| *at > self.shared.clock.now())
    }

    fn is_past_deadline(&self) -> bool {
        let now = self.shared.clock.now();
        self.view.deadline.is_some_and(|deadline| now >= deadline)
    }

    async fn wait(&mut self, until: Timestamp) -> Result<()> {
        let wait = until.since(self.shared.clock.now());
        let stopping = self.stopping.clone();
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = stopping.cancelled() => Ok(()),
            watched = self.watch() => watched,
        }
    }

    async fn step(&mut self, at: usize) -> Result<()> {
        let definition = self.definition.steps[at].clone();
        let (step, attempt) = (
            definition.name.to_string(),
            self.view.steps[at].attempts + 1,
        );
        let started = Entry::StepStarted {
            step: step.clone(),
            attempt,
        };
        if !self.decide(started).await? {
            return Ok(());
        }
        let running = (definition.action)(self.context(at, attempt, false));
        let Some(attempted) = self.attempt(running, definition.timeout, true).await? else {
            return Ok(());
        };
        let retry_at = self.retry_at(&attempted, &definition, attempt, false);
        self.record(match attempted {
            Attempted::Done(output) => Entry::StepDone { step, output },
            failed => Entry::StepFailed {
                step,
                attempt,
                in_doubt: failed.is_in_doubt(),
                error: clean_error_text(&failed.text(definition.timeout)).into(),
                retry_at_us: retry_at.map(Timestamp::as_micros),
            },
        })
        .await
    }

    async fn undo(&mut self, at: usize) -> Result<()> {
        let definition = self.definition.steps[at].clone();
        let Some(compensation) = &definition.compensation else {
            return Ok(());
        };
        let (step, view) = (definition.name.to_string(), &self.view.steps[at]);
        let (attempt, output) = (view.compensation_attempts + 1, view.output.clone());
        let started = Entry::CompensationStarted {
            step: step.clone(),
            attempt,
        };
        if !self.decide(started).await? {
            return Ok(());
        }
        let running = compensation(self.context(at, attempt, true), output);
        let Some(attempted) = self.attempt(running, definition.timeout, false).await? else {
            return Ok(());
        };
        let retry_at = self.retry_at(&attempted, &definition, attempt, true);
        self.record(match attempted {
            Attempted::Done(()) => Entry::CompensationDone { step },
            failed => Entry::CompensationFailed {
                step,
                attempt,
                error: clean_error_text(&failed.text(definition.timeout)).into(),
                retry_at_us: retry_at.map(Timestamp::as_micros),
            },
        })
        .await
    }

    /// When an attempt that failed is made again, if it is.
    fn retry_at<T>(
        &self,
        attempted: &Attempted<T>,
        definition: &StepDefinition,
        attempt: u32,
        is_undo: bool,
    ) -> Option<Timestamp> {
        let (policy, attempts) = match is_undo {
            true => (&definition.undo_retry, definition.undo_attempts),
            false => (&definition.retry, definition.attempts),
        };
        if attempt >= attempts {
            return None;
        }
        let delay = match attempted {
            Attempted::Failed(error) => match policy.verdict(error) {
                // A step is nobody else's to take: what is given back is tried again.
                Verdict::Retry | Verdict::Release => policy.delay(attempt),
                Verdict::RetryAfter(delay) => delay,
                Verdict::Reject => return None,
            },
            _ => policy.delay(attempt),
        };
        Some(self.shared.clock.now().after(delay.max(Duration::ZERO)))
    }
}
