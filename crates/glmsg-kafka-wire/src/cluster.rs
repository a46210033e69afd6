//! Who leads which partition.

mod agreement;
mod known;
mod round;

use std::fmt;
use std::sync::Arc;

use glmsg_core::{Error, ErrorKind, Result};
use tokio::sync::Mutex;

pub use self::agreement::Presence;
use self::known::Known;
use self::round::{Round, Wanted};
use crate::connection::{Connection, closer};
use crate::endpoint::Endpoint;

/// What is known of a cluster: its brokers and the leaders of topics that were asked for.
pub struct Cluster {
    endpoint: Endpoint,
    known: Known,
    /// Topics that are to be asked for next.
    wanted: Wanted,
    /// Whoever has it asks, for all who wait.
    asking: Mutex<Round>,
}

/// The partitions of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaders {
    /// The number of the broker that leads each partition, in their order; -1 where none does now.
    pub nodes: Vec<i32>,
    /// The code the cluster gave for the topic, such as 3 for one it does not have; 0 if it is fine.
    pub code: i16,
}

impl Cluster {
    /// One of which nothing is known yet. Does not connect.
    pub fn new(endpoint: Endpoint) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            known: Known::default(),
            wanted: Wanted::default(),
            asking: Mutex::new(Round::default()),
        })
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The leaders of a topic as they were last told. None if it was never asked for, or forgotten
    /// since.
    pub fn leaders(&self, topic: &str) -> Option<Arc<Leaders>> {
        self.known.leaders(topic)
    }

    /// Forgets a topic, as one that is no longer used or was deleted.
    pub fn forget(&self, topic: &str) {
        self.known.forget(topic);
    }

    /// Asks who leads the partitions of these topics. Calls at the same time share a connection and
    /// wait for each other: those that wait are served by one request. A topic the cluster does not
    /// have is no error: its `code` says so. Of no topics it learns the brokers alone.
    ///
    /// # Errors
    /// Why no broker could be asked: that of the last one tried, where a refused login goes before a
    /// broker that is not there.
    pub async fn ask(self: &Arc<Self>, topics: &[&str]) -> Result<()> {
        let ticket = self.wanted.add(topics);
        let topics: Vec<String> = topics.iter().map(|&topic| topic.to_owned()).collect();
        let cluster = Arc::clone(self);
        // Apart, as a caller may leave this unpolled while others wait for their turn.
        let asking = tokio::spawn(async move { cluster.ask_in_turn(ticket, &topics).await });
        asking.await.unwrap_or_else(|_| Err(given_up()))
    }

    async fn ask_in_turn(&self, ticket: u64, topics: &[String]) -> Result<()> {
        let mut round = self.asking.lock().await;
        // Somebody else asked for these topics after this call began.
        if let Some(outcome) = round.outcome(ticket) {
            return outcome;
        }
        // Not there any more if who asked for them ended with its runtime.
        self.wanted.add(topics);
        let (number, topics) = self.wanted.take();
        let outcome = self.ask_any(&mut round, &topics).await;
        round.close(number, &outcome);
        outcome
    }

    /// A new connection to the broker of this number.
    ///
    /// # Errors
    /// Those of [`Connection::open`], and `Unavailable` for a number that no broker is known to have.
    pub async fn connect(&self, node: i32) -> Result<Connection> {
        let Some((host, port)) = self.known.address(node) else {
            return Err(unknown(node));
        };
        Connection::open(&self.endpoint, &host, port).await
    }

    /// Asks the broker that was asked last, then those that are known, then those of the endpoint.
    async fn ask_any(&self, round: &mut Round, topics: &[String]) -> Result<()> {
        let addresses = self.known.addresses(&self.endpoint.servers);
        let mut pace = round::Pace::new(self.endpoint.timeout, addresses.len() + 1);
        let mut trouble = None;
        if let Some(mut connection) = round.connection.take().filter(|kept| !kept.is_due()) {
            match pace.within(self.known.ask(&mut connection, topics)).await {
                Ok(()) => {
                    round.connection = Some(connection);
                    return Ok(());
                }
                Err(error) => trouble = Some(error),
            }
        }
        pace.start_over(addresses.len());
        for (host, port) in &addresses {
            let asking = async {
                let mut connection = Connection::open(&self.endpoint, host, *port).await?;
                self.known.ask(&mut connection, topics).await?;
                Ok(connection)
            };
            match pace.within(asking).await {
                Ok(connection) => {
                    round.connection = Some(connection);
                    return Ok(());
                }
                Err(error) => {
                    let error = match error.context("broker") {
                        None => error.with("broker", format!("{host}:{port}")),
                        Some(_) => error,
                    };
                    tracing::debug!(%error, "a broker cannot be asked");
                    trouble = Some(closer(trouble, error));
                }
            }
        }
        Err(trouble.unwrap_or_else(nowhere))
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

#[cold]
fn given_up() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the cluster was not asked: the runtime ends",
    )
    .remedy("call it within a runtime that goes on")
}

#[cold]
fn nowhere() -> Error {
    Error::new(ErrorKind::ConfigInvalid, "no broker is named")
        .remedy("name a host and port of the cluster")
}

#[cold]
fn unknown(node: i32) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the cluster does not say where a broker is",
    )
    .with("node", node)
    .remedy("try again when the cluster has found its leaders")
}

#[cfg(test)]
mod tests;
