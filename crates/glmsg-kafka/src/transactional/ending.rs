//! How a transaction ends, on the member's thread.

use glmsg_core::{Error, ErrorKind, Result, RetryClass};

use super::outlet::{Failed, Outlet};
use super::state::{Open, State};
use super::telling::{Mark, list};
use super::worker::Worker;
use crate::broker::closed;

impl Worker {
    pub(super) fn commit(&mut self) -> Result<()> {
        // What has come of partitions is known before it is told how far they are read.
        self.send_on(true);
        self.end_old();
        let (open, offsets) = {
            let mut state = self.desk.state();
            state.check()?;
            let Some(open) = state.open.take() else {
                return Err(closed());
            };
            let marks = marks(&state, &open);
            drop(state);
            (open, list(&self.desk, &marks)?)
        };
        let (Some(outlet), Some(intake)) = (&self.outlet, &mut self.intake) else {
            return Err(closed());
        };
        let protocol = self.desk.link.config().group_protocol;
        let options = &self.options;
        let done = outlet.commit(&offsets, intake.member(protocol), |what| options.step(what));
        self.options.step("committed");
        if done.is_ok() {
            let mut state = self.desk.state();
            for (part, next) in &open.taken {
                if let Some(standing) = state.parts.get_mut(part) {
                    standing.advance(*next);
                }
            }
        }
        done.map_err(|failed| match failed {
            Failed::Refused(error) => {
                self.must_rewind |= !open.taken.is_empty();
                self.abort();
                error
            }
            Failed::Lost(error) => self.discard(error),
            Failed::Fenced(error) => self.fenced(error, self.is_aged(&open)),
        })
    }

    /// Aborts the transaction that is open, if one is, and closes it.
    pub(super) fn abort_open(&mut self) -> Result<()> {
        let is_alive = match &self.desk.state().open {
            Some(open) => open.doomed.is_none(),
            None => false,
        };
        if is_alive {
            self.options.step("abort");
            self.abort();
        }
        self.desk.state().open = None;
        self.desk.failure().map_or(Ok(()), Err)
    }

    /// Aborts at the cluster, and has what was read come again.
    pub(super) fn abort(&mut self) {
        let (has_taken, is_aged) = match &mut self.desk.state().open {
            Some(open) => {
                open.outgoing.clear();
                (!open.taken.is_empty(), self.is_aged(open))
            }
            None => (false, false),
        };
        if has_taken {
            self.must_rewind = true;
            self.desk.state().forget(|_| true);
        }
        match self.outlet.as_ref().map(Outlet::abort) {
            None | Some(Ok(())) => {}
            Some(Err(Failed::Refused(error) | Failed::Lost(error))) => {
                let error = self.discard(error);
                tracing::debug!(%error, "a transaction could not be aborted: a new producer does it");
            }
            Some(Err(Failed::Fenced(error))) => {
                let error = self.fenced(error, is_aged);
                tracing::debug!(%error, "a transaction could not be aborted");
            }
        }
    }

    /// Gives up the producer: a new one settles what it left.
    pub(super) fn discard(&mut self, error: Error) -> Error {
        self.outlet = None;
        self.must_rewind = true;
        self.desk.state().forget(|_| true);
        error
    }

    /// The cluster knows of a later producer of the id. It makes one itself where it gives up a
    /// transaction for its age, and then nobody else has the id.
    pub(super) fn fenced(&mut self, error: Error, is_aged: bool) -> Error {
        match is_aged {
            true => self.discard(error.retry(RetryClass::Transient)),
            false => self.shut_out(error),
        }
    }

    /// Whether the cluster may have given a transaction up.
    fn is_aged(&self, open: &Open) -> bool {
        let age = open.since.map(|since| since.elapsed());
        age.is_some_and(|age| age > self.options.timeout)
    }

    /// Another has the transactional id.
    fn shut_out(&mut self, error: Error) -> Error {
        self.outlet = None;
        // It leaves the group, so that others read what is its.
        self.intake = None;
        let text = "another has opened the same transactional id";
        let told = Error::new(ErrorKind::Conflict, text)
            .with("transactional_id", &self.id)
            .source(error)
            .remedy("give each member that runs a name or a transactional id of its own");
        self.desk.fail(told.duplicate());
        told
    }
}

/// How far the open transaction has read, and what is told of what is behind that.
fn marks(state: &State, open: &Open) -> Vec<Mark> {
    let each = open.taken.iter().map(|(part, next)| {
        let standing = state.parts.get(part);
        let told = standing.map(|it| it.metadata(*next)).unwrap_or_default();
        (*part, *next, told)
    });
    each.collect()
}
