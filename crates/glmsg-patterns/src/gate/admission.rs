//! Letting a message in, or giving it back.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{HandlerError, Incoming};
use glmsg_core::AttemptOutcome;
use tokio::sync::oneshot;

use super::{Gate, Permit};

impl Gate {
    /// Waits for the message's turn in `lane`. A message that may have ended its process before
    /// runs alone, so that it takes nobody along; it waits for that no longer than `patience`,
    /// because a handler that hangs must not stop the others.
    ///
    /// # Errors
    /// What gives the message back, if its consumer drains first.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        lane: u64,
        incoming: &Incoming,
        patience: Duration,
    ) -> Result<Permit, HandlerError> {
        if is_suspect(incoming) {
            let turn = Turn::new(self, self.enter_alone());
            match tokio::time::timeout(patience, turn.wait(incoming)).await {
                Ok(admitted) => return admitted,
                Err(_) => tracing::warn!(
                    topic = %incoming.topic(), id = %incoming.id(),
                    "a message that may have ended its process runs beside others: they do not end"
                ),
            }
        } else if let Some(permit) = self.try_enter() {
            return Ok(permit);
        }
        Turn::new(self, self.enter(lane)).wait(incoming).await
    }
}

/// As the consumer judges it: two crashes may be another's, from the third on a message is alone.
fn is_suspect(incoming: &Incoming) -> bool {
    let attempt = incoming.attempt();
    let outcome = incoming.history().last().map(|attempt| attempt.outcome);
    outcome == Some(AttemptOutcome::LeaseExpired)
        && (attempt >= 3 || attempt >= incoming.max_attempts())
}

/// A place in a queue. Leaving it lets others go on.
struct Turn<'a> {
    gate: &'a Arc<Gate>,
    waiting: Option<oneshot::Receiver<Permit>>,
}

impl<'a> Turn<'a> {
    fn new(gate: &'a Arc<Gate>, waiting: oneshot::Receiver<Permit>) -> Self {
        let waiting = Some(waiting);
        Self { gate, waiting }
    }

    async fn wait(mut self, incoming: &Incoming) -> Result<Permit, HandlerError> {
        let Some(waiting) = &mut self.waiting else {
            return Err(not_begun());
        };
        tokio::select! {
            biased;
            () = incoming.cancelled() => Err(not_begun()),
            turn = waiting => turn.map_err(|_| not_begun()),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.waiting = None;
        self.gate.look_again();
    }
}

/// It was not begun: it goes back, and no attempt is counted.
pub(crate) fn not_begun() -> HandlerError {
    HandlerError::release("it was not begun: its consumer stops")
}
