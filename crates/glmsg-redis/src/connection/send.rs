//! Sending until it worked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use redis::{Pipeline, Value};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::backoff::Backoff;
use super::durable::{Seal, Wish};
use super::node::Node;
use super::work::{Todo, Work};
use super::{Inner, Replies};
use crate::config::Address;
use crate::error::{silent, surprise};

/// How long a server may be silent before it is asked whether it is there.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a call is redirected, or scripts are loaded for it, before it waits in between.
const AT_ONCE: u32 = 5;

/// Runs commands until each is as safe as wished, or refused.
pub(super) async fn send(
    link: &Inner,
    slot: u16,
    commands: &Pipeline,
    wish: Wish,
) -> Result<Replies> {
    let deadline = Instant::now() + link.config.timeout;
    let mut call = Call {
        link,
        slot,
        wish,
        work: Work::new(commands),
        unloaded: BTreeSet::new(),
        loads: 0,
        reached: true,
    };
    let mut backoff = Backoff::default();
    let mut at_once = 0;
    let mut failure = None;
    while !call.work.is_done() {
        link.check_open()?;
        let pause = match timeout_at(deadline, call.round()).await {
            Ok(Ok(pause)) => pause,
            Ok(Err(error)) if is_passing(&error) => {
                failure = Some(error);
                true
            }
            Ok(Err(error)) => return Err(call.give_up(Some(error))),
            Err(_) => return Err(call.give_up(failure)),
        };
        if call.work.is_done() {
            break;
        }
        at_once += 1;
        if pause || at_once > AT_ONCE {
            let until = Instant::now() + backoff.next();
            if until >= deadline {
                return Err(call.give_up(failure));
            }
            sleep_until(until).await;
        }
    }
    Ok(call.finish())
}

/// `true` if another try may go better.
fn is_passing(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unavailable | ErrorKind::Indeterminate
    )
}

struct Call<'a> {
    link: &'a Inner,
    slot: u16,
    wish: Wish,
    work: Work<'a>,
    /// Servers that have lost the scripts.
    unloaded: BTreeSet<Address>,
    /// How often a script was missing.
    loads: u32,
    reached: bool,
}

impl Call<'_> {
    /// Sends what is open to the server that has the slot, then what that server has passed on.
    /// Returns whether to wait before the next try.
    async fn round(&mut self) -> Result<bool> {
        let owner = self.link.route.owner(self.link, self.slot).await?;
        let open = self.work.open();
        let todo = self.attempt(&owner, &open, false).await?;
        let mut pause = todo.wait;
        for (node, asked) in todo.asked {
            let todo = self.attempt(&node, &asked, true).await?;
            // Passed on twice: the slot moves under our eyes.
            pause |= todo.wait || !todo.asked.is_empty();
        }
        Ok(pause)
    }

    async fn attempt(&mut self, to: &Address, indices: &[usize], asking: bool) -> Result<Todo> {
        let node = self.link.nodes.at(to);
        let carried = self.carry(&node, indices, asking).await;
        let (seal, answers) = carried.inspect_err(|error| {
            // A server that said no is where it should be.
            if is_passing(error) {
                self.link.route.doubt(to);
            }
        })?;
        let taken = self.work.take(indices, &seal.tail, asking, answers, to);
        let Some((tail, mut todo)) = taken else {
            self.work.is_in_doubt = true;
            node.cut();
            return Err(surprise("a pipeline"));
        };
        if todo.done > 0 {
            self.reached &= seal.is_reached(&tail);
        }
        if todo.load_scripts {
            if self.loads == AT_ONCE {
                // It is none of ours, or somebody throws them away all the time.
                return Err(self.refused());
            }
            self.unloaded.insert(to.clone());
            self.loads += 1;
        }
        if todo.find_master {
            self.link.route.doubt(to);
            if self.link.route.is_by_name() {
                node.retire();
            }
        }
        if let Some((slot, to)) = todo.moved.take()
            && !self.link.route.moved(slot, to)
        {
            return Err(self.refused());
        }
        Ok(todo)
    }

    async fn carry(
        &mut self,
        node: &Arc<Node>,
        indices: &[usize],
        asking: bool,
    ) -> Result<(Seal, Vec<Value>)> {
        let shared = node.wire(self.link).await?;
        if self.unloaded.remove(&node.address) {
            self.link.dialer.load_scripts(&mut &*shared).await?;
        }
        let seal = self.wish.seal(self.link, node, self.slot);
        let chosen = self.work.pipeline(indices, &seal.tail, asking);
        let commands = chosen.as_ref().unwrap_or(self.work.commands());
        let borrowed = match seal.blocks {
            Some(_) => Some(node.borrow(self.link).await?),
            None => None,
        };
        let wire = borrowed.as_ref().unwrap_or(&shared);
        let patience = PATIENCE + seal.blocks.unwrap_or_default();
        // Set before, as this future may be dropped while it waits.
        let before = std::mem::replace(&mut self.work.is_in_doubt, true);
        let answers = wire.request_watched(commands, patience).await;
        self.work.is_in_doubt = before | is_unknown(&answers);
        let answers = answers?;
        // Not after a failure: an answer might still be on its way.
        if let Some(wire) = borrowed {
            node.put_back(wire);
        }
        Ok((seal, answers))
    }

    fn refused(&self) -> Error {
        self.link.route.refusal(self.work.refusal.as_ref())
    }

    /// The error of a call whose time is over.
    fn give_up(&self, failure: Option<Error>) -> Error {
        let unknown = self.work.is_in_doubt || self.work.is_begun();
        let last = match (failure, &self.work.refusal) {
            (Some(failure), _) => failure,
            (None, Some(_)) => self.refused(),
            (None, None) => silent(unknown),
        };
        match (unknown, last.kind()) {
            (false, _) | (true, ErrorKind::Indeterminate) => last,
            (true, _) => Error::new(
                ErrorKind::Indeterminate,
                "the connection was lost before the answer came, and could not be made again",
            )
            .remedy("check that the server runs and can be reached, then repeat the call")
            .source(last),
        }
    }

    fn finish(self) -> Replies {
        Replies {
            was_resent: self.work.is_in_doubt,
            reached: self.reached,
            values: self.work.finish(),
        }
    }
}

fn is_unknown(answers: &Result<Vec<Value>>) -> bool {
    matches!(answers, Err(error) if error.kind() == ErrorKind::Indeterminate)
}
