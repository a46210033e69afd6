//! The thread of a transactional member: the only one that uses its consumer and its producer.
//!
//! Partitions come and go only while it polls, so never while it commits.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result, RetryClass};
use tokio::sync::oneshot;

use super::intake::Intake;
use super::options::TransactionalOptions;
use super::outlet::{Failed, Outlet};
use super::standing::Standing;
use super::state::{Desk, Open, Outgoing, Part, size};
use crate::broker::closed;

/// The longest the thread rests: callbacks and heartbeats want to be polled for.
const LONGEST_REST: Duration = Duration::from_millis(200);

/// The most bytes of what is published that are kept.
const MOST_KEPT: usize = 1024 * 1024;

type Answer = oneshot::Sender<Result<()>>;

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    Begin(Answer),
    /// So many messages are about to be received, and if `true` a suspect alone.
    Tell(usize, bool, Answer),
    Commit(Answer),
    /// Whoever does not wait has dropped the transaction.
    Abort(Option<Answer>),
    End,
}

pub(super) struct Worker {
    pub(super) desk: Arc<Desk>,
    commands: Receiver<Command>,
    /// None, where it had to be given up.
    pub(super) intake: Option<Intake>,
    pub(super) outlet: Option<Outlet>,
    pub(super) id: String,
    pub(super) options: TransactionalOptions,
    /// What was read does not count: the group is elsewhere.
    pub(super) must_rewind: bool,
}

impl Worker {
    pub(super) fn start(
        desk: Arc<Desk>,
        (outlet, intake): (Outlet, Intake),
        commands: Receiver<Command>,
        (id, options): (String, TransactionalOptions),
    ) -> Result<()> {
        let worker = Self {
            desk,
            commands,
            intake: Some(intake),
            outlet: Some(outlet),
            id,
            options,
            must_rewind: false,
        };
        let thread = thread::Builder::new().name("glmsg-kafka-eos".into());
        let started = thread.spawn(move || worker.run());
        started.map(drop).map_err(|e| {
            let text = "a thread for transactions could not be started";
            Error::new(ErrorKind::Unavailable, text).source(e)
        })
    }

    fn run(mut self) {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Begin(answer)) => drop(answer.send(self.begin())),
                Ok(Command::Tell(max, is_solo, answer)) => {
                    drop(answer.send(self.tell(max, is_solo)));
                }
                Ok(Command::Commit(answer)) => drop(answer.send(self.commit())),
                Ok(Command::Abort(answer)) => {
                    let done = self.abort_open();
                    answer.map(|answer| answer.send(done));
                }
                Ok(Command::End) | Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => self.turn(),
            }
        }
        if self.abort_open().is_ok() {
            self.take_back();
        }
        self.outlet = None;
        // Leaves the group.
        self.intake = None;
        self.desk.fail(closed());
        self.desk.ended.send_replace(true);
    }

    /// Does what is to be done meanwhile, and rests.
    fn turn(&mut self) {
        let mut rest = LONGEST_REST;
        self.desk.turn();
        if let Some(intake) = &mut self.intake {
            let turned = intake.poll(&self.desk, !self.must_rewind);
            let next = intake.release(&self.desk);
            if let Some(next) = next {
                rest = rest.min(next.since(self.desk.now()));
            }
            if turned.has_read {
                rest = Duration::ZERO;
            }
            if !turned.gone.is_empty() {
                self.lose(&turned.gone);
            }
        }
        if self.desk.state().count > 0 {
            self.desk.changed.notify_waiters();
        }
        self.send_on(false);
        self.end_old();
        if let Some(outlet) = &self.outlet {
            outlet.poll();
        }
        if !rest.is_zero() {
            self.desk.bell.wait(rest.max(Duration::from_millis(1)));
        }
    }

    /// Partitions are ours no more.
    fn lose(&mut self, gone: &[Part]) {
        if let Some(intake) = &mut self.intake {
            intake.forget(gone);
        }
        let is_hit = {
            let mut state = self.desk.state();
            state.forget(|part| gone.contains(&part));
            for part in gone {
                state.parts.entry(*part).or_default().doubt();
            }
            let open = state.open.as_ref();
            open.is_some_and(|open| gone.iter().any(|part| open.taken.contains_key(part)))
        };
        if is_hit {
            let text = "partitions that the transaction has read from went to another member";
            let error = Error::new(ErrorKind::Conflict, text).retry(RetryClass::Transient);
            self.doom(error.remedy("begin the next one: what is still ours comes again"));
        }
    }

    /// Aborts a transaction that has taken too long.
    pub(super) fn end_old(&mut self) {
        if self.is_old() {
            let text = "the transaction was open for longer than its timeout, and is aborted";
            let error = Error::new(ErrorKind::Timeout, text);
            let error = error.with("timeout", format!("{:?}", self.options.timeout));
            self.doom(error.remedy("read less at once, or set a longer timeout"));
        }
    }

    fn is_old(&self) -> bool {
        let state = self.desk.state();
        let open = state.open.as_ref().filter(|open| open.doomed.is_none());
        let since = open.and_then(|open| open.since);
        since.is_some_and(|since| since.elapsed() > self.options.timeout)
    }

    /// Aborts the transaction that is open, whose holder will learn of it.
    pub(super) fn doom(&mut self, error: Error) {
        self.desk.doom(error);
        self.abort();
    }

    fn begin(&mut self) -> Result<()> {
        self.options.step("begin");
        let _ = self.abort_open();
        if let Some(failure) = self.desk.failure() {
            return Err(failure);
        }
        if self.outlet.is_none() {
            let config = self.desk.link.config();
            self.outlet = Some(Outlet::open(config, &self.id, &self.options)?);
        }
        if self.must_rewind {
            self.rewind()?;
        }
        match self.outlet.as_ref().map(Outlet::begin) {
            Some(Ok(())) => {
                self.desk.state().open = Some(Open::default());
                Ok(())
            }
            Some(Err(Failed::Refused(error) | Failed::Lost(error))) => Err(self.discard(error)),
            Some(Err(Failed::Fenced(error))) => Err(self.fenced(error, false)),
            None => Err(closed()),
        }
    }

    /// Goes back to what the group has committed.
    fn rewind(&mut self) -> Result<()> {
        {
            let mut state = self.desk.state();
            state.forget(|_| true);
            state.parts.values_mut().for_each(Standing::doubt);
        }
        let done = match &mut self.intake {
            Some(intake) => intake.rewind(&self.desk),
            None => {
                self.intake = Some(Intake::open(&self.desk, &self.options)?);
                Ok(())
            }
        };
        if let Err(error) = done {
            tracing::debug!(%error, "a consumer could not go back, and is made anew");
            // A new one begins where the group is.
            self.intake = None;
            self.intake = Some(Intake::open(&self.desk, &self.options)?);
        }
        self.must_rewind = false;
        Ok(())
    }

    /// Hands to the producer what was published since the last time.
    pub(super) fn send_on(&mut self, is_over: bool) {
        if let Err(failed) = self.try_send(is_over) {
            let error = match failed {
                Failed::Refused(error) => error,
                Failed::Lost(error) => self.discard(error),
                Failed::Fenced(error) => self.fenced(error, self.is_old()),
            };
            self.doom(error);
        }
    }

    /// What is to be sent. While there may be something to tell it is kept for a little, unless the
    /// transaction is over: what is sent is in it for good.
    fn outgoing(&self, is_over: bool) -> Vec<Outgoing> {
        let mut state = self.desk.state();
        let has_any = |open: &Open| !open.outgoing.is_empty();
        let is_careful = state.open.as_ref().is_some_and(has_any) && state.is_careful();
        let Some(open) = state.open.as_mut().filter(|open| open.doomed.is_none()) else {
            return Vec::new();
        };
        let keeps = is_careful && !open.has_sent && !open.is_last && !open.wants_room;
        if open.outgoing.is_empty() || (keeps && !is_over && size(&open.outgoing) < MOST_KEPT) {
            return Vec::new();
        }
        (open.has_sent, open.wants_room) = (true, false);
        std::mem::take(&mut open.outgoing)
    }

    fn try_send(&mut self, is_over: bool) -> Result<(), Failed> {
        let outgoing = self.outgoing(is_over);
        if outgoing.is_empty() {
            return Ok(());
        }
        let Some(outlet) = &self.outlet else {
            return Ok(());
        };
        let sent = outgoing.iter().try_for_each(|record| outlet.send(record));
        // There is room for more.
        self.desk.changed.notify_waiters();
        sent
    }
}
