//! Asking sentinels for the master.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use redis::{Pipeline, Value};
use tokio::time::timeout;

use super::Inner;
use super::apart::apart;
use super::dial::Purpose;
use super::route::Route;
use super::wire::Wire;
use crate::config::Address;
use crate::error::{server_error, silent, surprise};

/// How long a sentinel may take to answer before the next one is asked.
const ANSWER: Duration = Duration::from_secs(1);

/// The sentinels, and the master they named last.
#[derive(Debug)]
pub(super) struct Sentinels {
    name: String,
    known: Mutex<Known>,
    /// Held while asking, so that many callers ask once; only by tasks that go on apart from them. With the connection to the sentinel that
    /// answered last.
    asking: tokio::sync::Mutex<Option<Wire>>,
}

#[derive(Debug)]
struct Known {
    /// The one that answered last stands first.
    sentinels: Vec<Address>,
    master: Option<Address>,
    in_doubt: bool,
    /// Grows with every answer.
    answers: u64,
}

impl Sentinels {
    pub(super) fn new(sentinels: &[Address], name: &str) -> Self {
        Self {
            name: name.to_owned(),
            known: Mutex::new(Known {
                sentinels: sentinels.to_vec(),
                master: None,
                in_doubt: false,
                answers: 0,
            }),
            asking: tokio::sync::Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn doubt(&self) {
        self.known().in_doubt = true;
    }

    /// The master, as named last; asks if it is in doubt.
    pub(super) async fn master(&self, link: &Inner) -> Result<Address> {
        let answers = {
            let known = self.known();
            if let (Some(master), false) = (&known.master, known.in_doubt) {
                return Ok(master.clone());
            }
            known.answers
        };
        let link = link.own();
        apart(async move {
            match &link.route {
                Route::Sentinel(sentinels) => sentinels.ask(&link, answers).await,
                _ => Err(surprise("SENTINEL")),
            }
        })
        .await
    }

    /// Asks whether the master has changed.
    pub(super) async fn look(&self, link: &Inner) -> Result<Address> {
        let answers = self.known().answers;
        self.ask(link, answers).await
    }

    /// Asks, unless somebody else has had an answer since `answers`.
    async fn ask(&self, link: &Inner, answers: u64) -> Result<Address> {
        let mut asking = self.asking.lock().await;
        let sentinels = {
            let mut known = self.known();
            if let (Some(master), true) = (&known.master, known.answers > answers) {
                return Ok(master.clone());
            }
            if known.in_doubt {
                // Another one than before: one that is cut off from the rest would name the old
                // master for ever.
                *asking = None;
                known.sentinels.rotate_left(1);
            }
            known.sentinels.clone()
        };
        if let Some(wire) = asking.take().filter(Wire::is_open)
            && let Ok(master) = self.ask_on(&wire).await
        {
            self.learn(link, &wire.address, &master);
            *asking = Some(wire);
            return Ok(master);
        }
        let mut failures = Vec::new();
        for sentinel in sentinels {
            let asked = async {
                let wire = link.dialer.dial(&sentinel, Purpose::Sentinel).await?;
                let master = self.ask_on(&wire).await?;
                Ok::<_, Error>((wire, master))
            };
            match asked.await {
                Ok((wire, master)) => {
                    self.learn(link, &sentinel, &master);
                    *asking = Some(wire);
                    return Ok(master);
                }
                Err(error) => failures.push(error),
            }
        }
        Err(self.nobody_knows(failures))
    }

    async fn ask_on(&self, wire: &Wire) -> Result<Address> {
        let mut question = Pipeline::new();
        question
            .cmd("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg(&self.name);
        let answers = timeout(ANSWER, wire.ask(&question)).await;
        let answers = answers.unwrap_or_else(|_| Err(silent(false)))?;
        match answers.first() {
            Some(Value::ServerError(refusal)) => Err(server_error(refusal)),
            Some(Value::Nil) => Err(Error::new(
                ErrorKind::ConfigInvalid,
                "the sentinel watches no master of this name",
            )
            .with("name", format!("{:?}", self.name))
            .with("address", &wire.address)
            .remedy("ask it with SENTINEL MASTERS which it watches")),
            Some(Value::Array(parts)) => address(parts).ok_or_else(|| surprise("SENTINEL")),
            _ => Err(surprise("SENTINEL")),
        }
    }

    fn learn(&self, link: &Inner, from: &Address, master: &Address) {
        let mut known = self.known();
        known.in_doubt = false;
        known.answers += 1;
        if let Some(at) = known.sentinels.iter().position(|one| one == from) {
            known.sentinels[..=at].rotate_right(1);
        }
        let before = known.master.replace(master.clone());
        drop(known);
        if before.is_some_and(|before| before != *master) {
            tracing::info!(address = %master, "the sentinels name another master");
            // Who waits on the old one would wait in vain.
            link.nodes.keep(|address| address == master);
            link.generation.send_modify(|number| *number += 1);
        }
    }

    /// One of the failures: that of a sentinel that answered before that of one that did not.
    fn nobody_knows(&self, failures: Vec<Error>) -> Error {
        let none = || Error::new(ErrorKind::Unavailable, "there is no sentinel to ask");
        let worst = failures.into_iter().min_by_key(|error| match error.kind() {
            ErrorKind::Unavailable => 1,
            _ => 0,
        });
        worst.unwrap_or_else(none).with("sentinels of", &self.name)
    }
}

fn address(parts: &[Value]) -> Option<Address> {
    let [Value::BulkString(host), Value::BulkString(port)] = parts else {
        return None;
    };
    let host = String::from_utf8(host.clone()).ok()?;
    let port = std::str::from_utf8(port).ok()?.parse().ok()?;
    Some(Address::new(host, port))
}
