//! A connection to one broker: one request at a time, or one under way while others wait.

mod answer;
mod channel;
mod error;
mod login;
mod open;
mod socket;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod versions;

use std::fmt;
use std::time::Duration;

use glmsg_core::{Error, Result};
use kafka_protocol::protocol::Request;
use tokio::time::{Instant, timeout};

use self::channel::Channel;
pub(crate) use self::error::{closer, silent};
use self::versions::Versions;

/// A connection to a broker, logged in. Not cancel-safe: drop it if a call on it is given up.
pub struct Connection {
    channel: Channel,
    versions: Versions,
    /// Host and port, for errors.
    broker: String,
    timeout: Duration,
    /// From when on it is to be replaced, before the broker ends what a login is good for.
    due: Option<Instant>,
    /// It has no TLS or no login, which a broker that wants them does not say: it hangs up.
    is_bare: bool,
    /// A request was answered that takes what the broker wants.
    is_heard: bool,
}

impl Connection {
    /// The highest version of a request that both know, up to `most`.
    ///
    /// # Errors
    /// `Unsupported` if there is none.
    pub fn version<R: Request>(&self, most: i16) -> Result<i16> {
        let found = self.versions.highest::<R>(most);
        found.map_err(|e| e.with("broker", &self.broker))
    }

    /// Sends a request and waits for its answer, within the endpoint's time-out. Not for one that
    /// is not answered, as a `Produce` that asks for no ack.
    ///
    /// # Errors
    /// `Unavailable` or `Timeout` if the connection is lost or no answer comes, `Codec` for an answer
    /// that is none. The connection is of no use after each of these.
    pub async fn ask<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response> {
        self.ask_within(request, version, self.timeout).await
    }

    /// Like [`ask`](Self::ask), within a time of the request's own.
    ///
    /// # Errors
    /// Those of [`ask`](Self::ask).
    pub async fn ask_within<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        limit: Duration,
    ) -> Result<R::Response> {
        let asked = timeout(limit, self.channel.ask(request, version)).await;
        let answer = match asked.unwrap_or_else(|_| Err(silent())) {
            Ok(answer) => answer,
            Err(error) => return Err(self.explain(error)),
        };
        self.is_heard = true;
        answer.read::<R>(version).map_err(|e| self.explain(e))
    }

    /// It is time for a new connection: of the time that the broker takes the login for good, four
    /// fifths are over. A broker that says nothing of it takes it for good as long as the connection
    /// lasts.
    pub fn is_due(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() >= due)
    }

    #[cold]
    fn explain(&self, error: Error) -> Error {
        let error = error.with("broker", &self.broker);
        if self.is_bare && !self.is_heard && error.is_transient() {
            return error::maybe_unheard(error);
        }
        error
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("broker", &self.broker)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
