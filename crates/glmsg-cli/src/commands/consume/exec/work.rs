//! One attempt at a message: its command, from its start to what is asked of the broker.

use std::sync::Arc;

use glmsg::{Handling, Nack, Received};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::command;
use crate::commands::consume::attempts::{Attempt, Attempts};

/// A message, and what is asked for it if its command failed.
pub(super) type Ended = (Received, Option<Nack>);

pub(super) struct Work {
    pub(super) attempt: Attempt,
    pub(super) command: Arc<str>,
    pub(super) attempts: Attempts,
    /// Where it is told how long commands ran, if anybody wants to know.
    pub(super) handling: Option<Handling>,
    pub(super) abort: CancellationToken,
}

impl Work {
    pub(super) async fn run(mut self, received: Received) -> Ended {
        let begun = Instant::now();
        let running = command::run(&self.command, &received, &self.abort);
        let outcome = self.attempt.scope(running).await;
        if let Some(handling) = self.handling {
            handling.record(&[begun.elapsed()]);
        }
        let nack = match outcome {
            // Nothing is settled any more.
            _ if self.abort.is_cancelled() => {
                self.attempt.released();
                None
            }
            Ok(()) => {
                self.attempt.handled();
                None
            }
            Err(why) => {
                let nack = self.attempts.failure(&received, &why);
                self.attempt.failed(&nack);
                Some(nack)
            }
        };
        (received, nack)
    }
}
