//! A connection of its own, for commands that wait.

use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{ErrorKind, Result};
use redis::{Pipeline, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Inner;
use super::backoff::Backoff;
use super::wire::Wire;
use super::work::Work;
use crate::config::Address;
use crate::error::{closed, lost, silent, surprise};

/// How often a call is sent: once, then with its scripts loaded, then to where a slot moves to.
const TRIES: usize = 4;

/// A connection of its own to the server that has a slot. After an error it is of no more use.
#[derive(Debug)]
pub(crate) struct Dedicated {
    link: Arc<Inner>,
    slot: u16,
    wire: Wire,
    /// The slot is on its way to this server, which must be told each time that we know.
    asking: bool,
    generations: watch::Receiver<u64>,
}

impl Dedicated {
    /// Connects; tries until the configured time is over.
    pub(super) async fn open(link: &Arc<Inner>, slot: u16) -> Result<Self> {
        link.check_open()?;
        let deadline = Instant::now() + link.config.timeout;
        let generations = link.generation.subscribe();
        let mut backoff = Backoff::default();
        let mut failure = None;
        let wire = loop {
            link.check_open()?;
            let error = match timeout_at(deadline, connect(link, slot)).await {
                Ok(Ok(wire)) => break wire,
                Ok(Err(error)) => error,
                Err(_) => return Err(failure.unwrap_or_else(|| silent(false))),
            };
            let pause = backoff.next();
            if !error.is_transient() || Instant::now() + pause >= deadline {
                return Err(error);
            }
            failure = Some(error);
            sleep(pause).await;
        };
        Ok(Self {
            link: Arc::clone(link),
            slot,
            wire,
            asking: false,
            generations,
        })
    }

    /// What the server calls this connection, for `CLIENT UNBLOCK`; 0 if it does not tell.
    pub(crate) fn client_id(&self) -> u64 {
        self.wire.client_id
    }

    /// Sends commands and waits for the answers. An error means that this connection is of no more
    /// use, and that the commands may have been executed: get another one from the link, which
    /// knows already.
    ///
    /// # Cancel safety
    /// None: the server goes on with what was sent, and this connection is busy with it.
    pub(crate) async fn send(
        &mut self,
        commands: &Pipeline,
        within: Duration,
    ) -> Result<Vec<Value>> {
        let sent = self.try_send(commands, within).await;
        if sent.is_err() {
            self.wire.cut();
            self.link.route.doubt(&self.wire.address);
        }
        sent
    }

    async fn try_send(&mut self, commands: &Pipeline, within: Duration) -> Result<Vec<Value>> {
        let mut work = Work::new(commands);
        let no_tail = Pipeline::new();
        for _ in 0..TRIES {
            let open = work.open();
            if open.is_empty() {
                break;
            }
            let chosen = work.pipeline(&open, &no_tail, self.asking);
            let answers = self.request(chosen.as_ref().unwrap_or(commands), within);
            let answers = answers.await?;
            let taken = work.take(&open, &no_tail, self.asking, answers, &self.wire.address);
            let Some((_, todo)) = taken else {
                return Err(surprise("a pipeline"));
            };
            if let Some((slot, to)) = todo.moved {
                self.link.route.moved(slot, to);
                break;
            }
            if todo.wait {
                break;
            }
            if let Some(node) = todo.asked.keys().next() {
                self.follow(node).await?;
            }
            if todo.load_scripts {
                self.link.dialer.load_scripts(&self.wire).await?;
            }
        }
        if !work.is_done() {
            return Err(self.link.route.refusal(work.refusal.as_ref()));
        }
        Ok(work.finish())
    }

    /// Goes where the slot is going.
    async fn follow(&mut self, node: &Address) -> Result<()> {
        self.wire = self.link.nodes.at(node).own_wire(&self.link).await?;
        self.asking = true;
        Ok(())
    }

    async fn request(&mut self, commands: &Pipeline, within: Duration) -> Result<Vec<Value>> {
        let Self {
            link,
            slot,
            wire,
            asking,
            generations,
            ..
        } = self;
        link.check_open()?;
        tokio::select! {
            biased;
            answers = timeout(within, wire.request(commands)) => {
                answers.unwrap_or_else(|_| Err(silent(true)))
            }
            () = other_owner(link, *slot, &wire.address, generations), if !*asking => {
                Err(if link.is_closed() { closed() } else { lost(true) })
            }
        }
    }
}

/// Waits until the link is closed or another server has the slot: a master that is gone without a
/// word would let its callers wait for ever.
async fn other_owner(
    link: &Inner,
    slot: u16,
    address: &Address,
    generations: &mut watch::Receiver<u64>,
) {
    while generations.changed().await.is_ok() {
        let owner = link.route.owner(link, slot).await;
        if link.is_closed() || owner.is_ok_and(|owner| owner != *address) {
            return;
        }
    }
    std::future::pending::<()>().await;
}

async fn connect(link: &Inner, slot: u16) -> Result<Wire> {
    let owner = link.route.owner(link, slot).await?;
    let wire = link.nodes.at(&owner).own_wire(link).await;
    wire.inspect_err(|error| {
        if error.kind() == ErrorKind::Unavailable {
            link.route.doubt(&owner);
        }
    })
}
