//! One connection to one server.

use std::pin::pin;
use std::time::Duration;

use glmsg_core::Error;
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, RedisResult, Value};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::dial::Ask;
use super::progress::Progress;
use crate::config::Address;
use crate::error;

/// How many calls may be on their way on one connection. Over it, a call waits here and not in a
/// buffer, where it could not be told from one the server neglects.
const IN_FLIGHT: usize = 512;
/// How long the server may take to answer a `PING` before it is given up.
const PING: Duration = Duration::from_secs(1);

/// One connection to one server. Calls share it; dropping it closes it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) address: Address,
    connection: MultiplexedConnection,
    driver: AbortHandle,
    progress: Progress,
    in_flight: Semaphore,
}

impl Wire {
    pub(super) fn new(
        address: Address,
        connection: MultiplexedConnection,
        driver: AbortHandle,
        progress: Progress,
    ) -> Self {
        Self {
            address,
            connection,
            driver,
            progress,
            in_flight: Semaphore::new(IN_FLIGHT),
        }
    }

    /// `false` when it has ended, for whatever reason.
    pub(super) fn is_open(&self) -> bool {
        !self.driver.is_finished()
    }

    /// Ends it: what is on its way fails at once.
    pub(super) fn cut(&self) {
        self.driver.abort();
    }

    /// Waits for the answers however long it takes.
    pub(super) async fn request(&self, commands: &Pipeline) -> Result<Vec<Value>, Error> {
        let answers = self.exchange(commands).await;
        answers.map_err(|e| error::from_redis(&e, true))
    }

    /// As [`request`](Self::request), for what changes nothing: a failure leaves nothing in doubt.
    pub(super) async fn ask(&self, questions: &Pipeline) -> Result<Vec<Value>, Error> {
        let answers = self.exchange(questions).await;
        answers.map_err(|e| error::from_redis(&e, false))
    }

    async fn exchange(&self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.connection.clone();
        connection
            .send_packed_commands(commands, 0, commands.len())
            .await
    }

    /// Waits for the answers as long as the server shows signs of life; ends the connection when
    /// it was silent for `patience` and does not answer a `PING` either.
    ///
    /// A fixed time-out would cut a large batch off on a slow line, again and again.
    pub(super) async fn request_watched(
        &self,
        commands: &Pipeline,
        patience: Duration,
    ) -> Result<Vec<Value>, Error> {
        let Ok(_permit) = self.in_flight.acquire().await else {
            return Err(error::lost(false));
        };
        let mut answers = pin!(self.request(commands));
        loop {
            let seen = self.progress.get();
            if let Ok(answers) = timeout(patience, &mut answers).await {
                return answers;
            }
            if self.progress.get() != seen {
                continue;
            }
            tokio::select! {
                answers = &mut answers => return answers,
                () = self.ping() => {}
            }
            if self.progress.get() == seen {
                tracing::warn!(address = %self.address, "the server is silent: connecting anew");
                self.cut();
                return Err(error::silent(true));
            }
        }
    }

    async fn ping(&self) {
        let mut connection = self.connection.clone();
        let ping = redis::cmd("PING");
        // Whether an answer came is seen in the progress.
        let _ = timeout(PING, connection.send_packed_command(&ping)).await;
    }
}

impl Ask for &Wire {
    async fn ask(&mut self, questions: &Pipeline) -> Result<Vec<Value>, Error> {
        Wire::ask(self, questions).await
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
