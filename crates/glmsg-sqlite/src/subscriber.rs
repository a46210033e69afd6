//! Joining a group and receiving.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Intake, Received, Settled, Settler, Source, SubscribeOptions, Token};
use glmsg_core::{Result, Timestamp, clean_error_text};
use tokio::sync::oneshot;

use crate::SqliteSettler;
use crate::clock::GuardedClock;
use crate::encode::received;
use crate::error::closed;
use crate::queue::{Command, Handle};
use crate::wake::{Batch, Fetch, Interest, Raw, Withdrawal};
use crate::writer::Joined;

/// A subscription of a [`SqliteBroker`](crate::SqliteBroker). Dropping it leaves the group, and
/// gives back what was fetched and not handed out.
pub struct SqliteSource {
    settler: SqliteSettler,
    clock: GuardedClock,
    topic: i64,
    lease: Duration,
    /// A fetch that the writer has.
    pending: Option<Pending>,
    /// Fetched and not handed out yet.
    ready: VecDeque<Received>,
    /// When that was fetched.
    fetched_at: Timestamp,
    /// Fetched, and no message: to be made dead letters.
    wrong: Vec<(Token, Box<str>)>,
    /// What happened and was not reported yet.
    intake: Intake,
}

struct Pending {
    interest: Arc<Interest>,
    answer: oneshot::Receiver<Result<Batch>>,
}

impl fmt::Debug for SqliteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSource")
            .field("group", &self.settler.group)
            .field("member", &self.settler.member)
            .field("ready", &self.ready.len())
            .finish_non_exhaustive()
    }
}

impl SqliteSource {
    pub(crate) async fn join(
        handle: &Arc<Handle>,
        clock: &GuardedClock,
        options: &SubscribeOptions,
    ) -> Result<Self> {
        options.check()?;
        let wished = options.clone();
        let joined = handle.call(1, move |store| store.join(&wished)).await;
        let Joined {
            topic,
            group,
            member,
        } = joined.map_err(|e| e.operation("subscribe"))?;
        Ok(Self {
            settler: SqliteSettler {
                handle: Arc::clone(handle),
                group,
                member,
            },
            clock: clock.clone(),
            topic,
            lease: options.lease,
            pending: None,
            ready: VecDeque::new(),
            fetched_at: Timestamp::EPOCH,
            wrong: Vec::new(),
            intake: Intake::default(),
        })
    }

    /// Asks the writer, unless it was asked before and may still answer.
    fn ask(&mut self, max: usize) -> Result<&mut Pending> {
        let is_open = |pending: &Pending| !pending.interest.is_void();
        if !self.pending.as_ref().is_some_and(is_open) {
            let (reply, answer) = oneshot::channel();
            let interest = Arc::new(Interest::default());
            let fetch = Fetch {
                topic: self.topic,
                group: self.settler.group,
                member: self.settler.member,
                max,
                lease: self.lease,
                interest: Arc::clone(&interest),
                reply,
            };
            let queue = self.settler.handle.queue();
            queue.push(Command::Fetch(fetch)).map_err(|_| closed())?;
            self.pending = Some(Pending { interest, answer });
        }
        self.pending.as_mut().ok_or_else(closed)
    }

    /// Waits for something fetched.
    async fn fetch(&mut self, max: usize) -> Result<()> {
        let pending = self.ask(max)?;
        let withdrawal = Withdrawal::of(&pending.interest);
        let answer = (&mut pending.answer).await;
        withdrawal.disarm();
        self.pending = None;
        match answer {
            Ok(batch) => {
                self.keep(&batch?);
                Ok(())
            }
            // Given up by the last receive just when the writer had nothing: asked again. A writer
            // that has ended takes no more commands.
            Err(_) => Ok(()),
        }
    }

    fn keep(&mut self, batch: &Batch) {
        self.intake.expired += batch.intake.expired;
        self.intake.dead_lettered += batch.intake.dead_lettered;
        self.intake.undecodable += batch.intake.undecodable;
        self.fetched_at = batch.at;
        for raw in &batch.raws {
            match received(raw) {
                Ok(received) => self.ready.push_back(received),
                Err(e) => self
                    .wrong
                    .push((raw.token, clean_error_text(&e.to_string()))),
            }
        }
    }

    /// Has what is no message buried.
    async fn condemn(&mut self) -> Result<()> {
        let (group, wrong) = (self.settler.group, self.wrong.clone());
        let handle = Arc::clone(&self.settler.handle);
        let buried = handle.call(1, move |store| store.condemn(group, &wrong));
        let buried = buried.await?;
        self.intake.dead_lettered += buried;
        self.intake.undecodable += buried;
        self.wrong.clear();
        Ok(())
    }

    /// What was fetched for a receive that was given up may have waited here for long: it is
    /// handed out only if it is still ours, and with a whole lease.
    async fn renew(&mut self) -> Result<()> {
        let age = self.clock.now().since(self.fetched_at);
        if self.ready.is_empty() || age < self.lease / 2 {
            return Ok(());
        }
        let tokens: Vec<Token> = self.ready.iter().map(|received| received.token).collect();
        let settled = self.settler.extend(&tokens, self.lease).await?;
        let mut is_ours = settled.into_iter().map(Settled::is_current);
        self.ready.retain(|_| is_ours.next().unwrap_or(false));
        self.fetched_at = self.clock.now();
        Ok(())
    }
}

impl Source for SqliteSource {
    type Settler = SqliteSettler;

    fn settler(&self) -> SqliteSettler {
        self.settler.clone()
    }

    async fn recv(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        if max == 0 {
            return Ok(Intake::default());
        }
        loop {
            if !self.wrong.is_empty() {
                self.condemn().await?;
            }
            self.renew().await?;
            if !self.ready.is_empty() || self.intake != Intake::default() {
                let taken = max.min(self.ready.len());
                buf.extend(self.ready.drain(..taken));
                return Ok(std::mem::take(&mut self.intake));
            }
            let fetched = self.fetch(max).await;
            fetched.map_err(|e| e.operation("receive"))?;
        }
    }
}

impl Drop for SqliteSource {
    fn drop(&mut self) {
        let mut tokens: Vec<Token> = self.ready.iter().map(|r| r.token).collect();
        tokens.extend(self.wrong.iter().map(|(token, _)| *token));
        if let Some(mut pending) = self.pending.take() {
            pending.interest.withdraw();
            pending.answer.close();
            // What comes after this, the writer gives back itself.
            if let Ok(Ok(batch)) = pending.answer.try_recv() {
                tokens.extend(batch.raws.iter().map(|raw: &Raw| raw.token));
            }
        }
        let (group, member) = (self.settler.group, self.settler.member);
        self.settler.handle.send(move |store| {
            store.release(group, &tokens)?;
            Ok(store.leave(member)?)
        });
    }
}
