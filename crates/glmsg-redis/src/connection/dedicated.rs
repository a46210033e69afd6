//! A connection of its own, for commands that wait.

use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{ErrorKind, Result};
#[cfg(test)]
use redis::{Pipeline, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::Inner;
use super::backoff::Backoff;
use super::direct::Direct;
use super::reply::{Answers, Head};
use super::request::{First, Request};
use super::verdict::Verdict;
use crate::config::Address;
use crate::error::{closed, lost, silent};

/// How often a call is sent: once, then to where a slot moves to.
const TRIES: usize = 2;

/// A connection of its own to the server that has a slot. After an error it is of no more use.
#[derive(Debug)]
pub(crate) struct Dedicated {
    link: Arc<Inner>,
    slot: u16,
    direct: Direct,
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
        let direct = loop {
            link.check_open()?;
            let error = match timeout_at(deadline, connect(link, slot)).await {
                Ok(Ok(direct)) => break direct,
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
            direct,
            asking: false,
            generations,
        })
    }

    /// What the server calls this connection, for `CLIENT UNBLOCK`; 0 if it does not tell.
    pub(crate) fn client_id(&self) -> u64 {
        self.direct.client_id()
    }

    /// Sends a command, which may block for so long, and waits for the answer. An error means that
    /// this connection is of no more use, and that what was asked may have been executed: get another
    /// one from the link, which knows already.
    ///
    /// What goes first is sent once, and told of as soon as it is answered; where it is not, it is
    /// dropped.
    ///
    /// # Cancel safety
    /// None: the server goes on with what was sent, and this connection is busy with it.
    pub(crate) async fn send(&mut self, request: Request, blocks: Duration) -> Result<Answers> {
        let sent = self.try_send(request, blocks).await;
        sent.inspect_err(|_| self.link.route.doubt(&self.direct.node().address))
    }

    /// As [`send`](Self::send), as redis-rs has the answer.
    #[cfg(test)]
    pub(crate) async fn ask(
        &mut self,
        commands: &Pipeline,
        blocks: Duration,
    ) -> Result<Vec<Value>> {
        let mut each = commands.cmd_iter();
        let (Some(command), None) = (each.next(), each.next()) else {
            panic!("one command");
        };
        self.send(Request::of(command), blocks).await?.values()
    }

    async fn try_send(&mut self, mut request: Request, blocks: Duration) -> Result<Answers> {
        let mut refusal = None;
        for _ in 0..TRIES {
            let first = request.take_first();
            let answers = match self.asking {
                false => self.request(first, request.bytes(), 1, blocks).await?,
                true => {
                    // Theirs to send by another way.
                    drop(first);
                    let answers = self.request(None, &request.asking(), 2, blocks).await?;
                    answers.every_second()
                }
            };
            let Some(Head::Refusal { .. }) = answers.peek() else {
                return Ok(answers);
            };
            let found = answers.clone().value()?;
            match Verdict::of(&found, &self.direct.node().address) {
                Verdict::Done | Verdict::LoadScripts => return Ok(answers),
                Verdict::Moved { slot, node } => {
                    self.link.route.moved(slot, node);
                    return Err(self.refused(&found));
                }
                Verdict::Ask { node } => self.follow(&node).await?,
                Verdict::Later | Verdict::NoMaster => return Err(self.refused(&found)),
            }
            refusal = Some(found);
        }
        Err(self.link.route.refusal(refusal.as_ref()))
    }

    fn refused(&self, refusal: &redis::Value) -> glmsg_core::Error {
        self.link.route.refusal(Some(refusal))
    }

    /// Goes where the slot is going.
    async fn follow(&mut self, node: &Address) -> Result<()> {
        self.direct = self.link.nodes.at(node).own_direct(&self.link).await?;
        self.asking = true;
        Ok(())
    }

    async fn request(
        &mut self,
        first: Option<First>,
        bytes: &[u8],
        commands: usize,
        blocks: Duration,
    ) -> Result<Answers> {
        let Self {
            link,
            slot,
            direct,
            asking,
            generations,
        } = self;
        link.check_open()?;
        let node = Arc::clone(direct.node());
        let asked = async {
            direct.write(bytes).await?;
            if let Some(First { commands, tell }) = first {
                let answers = direct.answers(commands, Duration::ZERO).await?;
                tell(answers);
            }
            direct.answers(commands, blocks).await
        };
        tokio::select! {
            biased;
            answers = asked => answers,
            () = other_owner(link, *slot, &node.address, generations), if !*asking => {
                Err(if link.is_closed() { closed() } else { lost(true) })
            }
        }
    }
}

/// Waits until the link is closed or another server has the slot: a master that is gone without a
/// word would let its callers wait for ever.
pub(super) async fn other_owner(
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

pub(super) async fn connect(link: &Inner, slot: u16) -> Result<Direct> {
    let owner = link.route.owner(link, slot).await?;
    let direct = link.nodes.at(&owner).own_direct(link).await;
    direct.inspect_err(|error| {
        if error.kind() == ErrorKind::Unavailable {
            link.route.doubt(&owner);
        }
    })
}
