//! One attempt at a step or a compensation.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use glmsg_broker::{BoxFuture, HandlerError};
use glmsg_core::Result;

use super::Drive;
use crate::saga::StepContext;

/// How an attempt ended.
pub(super) enum Attempted<T> {
    Done(T),
    /// It said so itself.
    Failed(HandlerError),
    Panicked(String),
    TimedOut,
    /// Somebody asked for the saga to be compensated.
    Cancelled,
    /// The saga's time is over.
    Overdue,
}

impl<T> Attempted<T> {
    /// Whether it may have done something.
    pub(super) fn is_in_doubt(&self) -> bool {
        !matches!(self, Self::Done(_) | Self::Failed(_))
    }

    pub(super) fn text(&self, timeout: Duration) -> String {
        match self {
            Self::Done(_) => String::new(),
            Self::Failed(error) => error.to_string(),
            Self::Panicked(text) => format!("it panicked: {text}"),
            Self::TimedOut => format!("it took longer than {timeout:?}"),
            Self::Cancelled => "it was cut off by a cancellation".to_owned(),
            Self::Overdue => "it was cut off when the saga's time was over".to_owned(),
        }
    }
}

impl Drive<'_> {
    pub(super) fn context(&self, at: usize, attempt: u32, is_undo: bool) -> StepContext {
        StepContext {
            saga: self.view.id.clone(),
            step: self.definition.steps[at].name.clone(),
            is_undo,
            attempt,
            fence: self.fence,
            input: Arc::new(self.view.input.clone()),
            outputs: Arc::new(self.view.outputs()),
        }
    }

    /// Waits for an attempt, within its time, holding on to the saga; `None` if that was lost.
    pub(super) async fn attempt<T>(
        &mut self,
        running: BoxFuture<'static, Result<T, HandlerError>>,
        timeout: Duration,
        is_step: bool,
    ) -> Result<Option<Attempted<T>>> {
        let mut running = Box::pin(AssertUnwindSafe(running).catch_unwind());
        let now = self.shared.clock.now();
        let left = self.view.deadline.filter(|_| is_step);
        let left = left.map_or(Duration::MAX, |deadline| deadline.since(now));
        let mut timed_out = Box::pin(tokio::time::sleep(timeout));
        let mut overdue = Box::pin(tokio::time::sleep(left));
        loop {
            tokio::select! {
                ended = &mut running => return Ok(Some(match ended {
                    Ok(Ok(value)) => Attempted::Done(value),
                    Ok(Err(error)) => Attempted::Failed(error),
                    Err(panic) => Attempted::Panicked(panic_text(&*panic)),
                })),
                () = &mut timed_out => return Ok(Some(Attempted::TimedOut)),
                () = &mut overdue => return Ok(Some(Attempted::Overdue)),
                watched = self.watch() => {
                    watched?;
                    if self.view.fence != self.fence {
                        return Ok(None);
                    }
                    if is_step && self.view.cancelled.is_some() {
                        return Ok(Some(Attempted::Cancelled));
                    }
                }
            }
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no text").to_owned()
}
