//! Handlers that block their thread, off the event loop.

use std::sync::Arc;

use glmsg_broker::HandlerError;

use super::job::{IntoOutput, Job};
use super::worker::Run;
use crate::gate::Permit;

/// A handler that is a plain function.
pub(super) struct Blocking<F>(pub(super) Arc<F>);

impl<F, O> Run for Blocking<F>
where
    F: Fn(Job) -> Result<O, HandlerError> + Send + Sync + 'static,
    O: IntoOutput,
{
    type Output = O;

    async fn run(&self, job: Job, permit: Permit) -> Result<O, HandlerError> {
        let handler = self.0.clone();
        let running = tokio::task::spawn_blocking(move || {
            // A thread cannot be stopped: after a time-out it runs on, and counts as long as it does.
            let _permit = permit;
            handler(job)
        });
        match running.await {
            Ok(done) => done,
            Err(died) => match died.try_into_panic() {
                // As if it had panicked here.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => Err(HandlerError::retry(cancelled.to_string())),
            },
        }
    }
}
