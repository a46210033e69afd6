//! Sending until it worked.

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use redis::{Pipeline, Value};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::backoff::Backoff;
use super::node::Node;
use super::work::{Todo, Work};
use super::{Inner, Replies};
use crate::config::Address;
use crate::error::{silent, surprise};

/// How long a server may be silent before it is asked whether it is there.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a call is redirected, or scripts are loaded for it, before it waits in between.
const AT_ONCE: u32 = 5;

/// On which connection a call goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lane {
    /// The one all calls share.
    Shared,
    /// One for this call alone, because the server answers nothing else on it for so long.
    Own { blocks: Duration },
}

/// Runs commands, each time followed by `tail`, whose answers `judge` looks at.
pub(super) async fn send(
    link: &Inner,
    slot: u16,
    commands: &Pipeline,
    tail: Pipeline,
    lane: Lane,
    judge: impl Fn(&[Value]) -> Result<bool>,
) -> Result<Replies> {
    let deadline = Instant::now() + link.config.timeout;
    let mut call = Call {
        link,
        slot,
        lane,
        work: Work::new(commands, tail),
        load_scripts: false,
        loaded: 0,
        reached: true,
        judge,
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
            Ok(Err(error)) => return Err(error),
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

struct Call<'a, J> {
    link: &'a Inner,
    slot: u16,
    lane: Lane,
    work: Work<'a>,
    load_scripts: bool,
    /// How often scripts were loaded for this call.
    loaded: u32,
    reached: bool,
    judge: J,
}

impl<J: Fn(&[Value]) -> Result<bool>> Call<'_, J> {
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
        let answers = self.carry(&node, indices, asking).await;
        let answers = answers.inspect_err(|error| {
            // A server that said no is where it should be.
            if is_passing(error) {
                self.link.route.doubt(to);
            }
        })?;
        let taken = self.work.take(indices, asking, answers, to);
        let Some((tail, mut todo)) = taken else {
            self.work.is_in_doubt = true;
            node.cut();
            return Err(surprise("a pipeline"));
        };
        if todo.done > 0 {
            self.reached &= (self.judge)(&tail)?;
        }
        if todo.load_scripts {
            if self.loaded == AT_ONCE {
                // It is none of ours, or somebody throws them away all the time.
                return Err(self.refused());
            }
            self.load_scripts = true;
            self.loaded += 1;
        }
        if todo.find_master {
            self.link.route.doubt(to);
        }
        if let Some((slot, to)) = todo.moved.take() {
            if !self.link.route.moved(slot, to) {
                return Err(self.refused());
            }
        }
        Ok(todo)
    }

    async fn carry(&mut self, node: &Node, indices: &[usize], asking: bool) -> Result<Vec<Value>> {
        let chosen = self.work.pipeline(indices, asking);
        let commands = chosen.as_ref().unwrap_or(self.work.commands());
        match self.lane {
            Lane::Shared => {
                let wire = node.wire(self.link).await?;
                if std::mem::take(&mut self.load_scripts) {
                    self.link.dialer.load_scripts(&wire).await?;
                }
                // Set before, as this future may be dropped while it waits.
                let before = std::mem::replace(&mut self.work.is_in_doubt, true);
                let answers = wire.request_watched(commands, PATIENCE).await;
                self.work.is_in_doubt = before | is_unknown(&answers);
                answers
            }
            Lane::Own { blocks } => {
                let wire = node.borrow(self.link).await?;
                if std::mem::take(&mut self.load_scripts) {
                    self.link.dialer.load_scripts(&wire).await?;
                }
                let before = std::mem::replace(&mut self.work.is_in_doubt, true);
                let answers = wire.request_watched(commands, blocks + PATIENCE).await;
                self.work.is_in_doubt = before | is_unknown(&answers);
                // Not after a failure: an answer may still be on its way.
                if answers.is_ok() {
                    node.put_back(wire);
                }
                answers
            }
        }
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
