//! Printing messages: receive, print, flush, settle, in this order, so that a message is never
//! settled that was not printed.

use std::sync::Arc;
use std::time::Duration;

use glmsg::{
    BoxSettler, BoxSource, Broker, DeadLetterReason, Nack, Received, RetryPolicy, Settled, Settler,
    Source, SubscribeOptions, Token,
};
use tokio::time::Instant;

use super::{Args, Settle, broken, patience, subscribe, until};
use crate::failure::{Failure, say};
use crate::interrupt::Interrupt;
use crate::leases::Leases;
use crate::message_form::print;
use crate::session::Session;
use crate::table::counted;

/// The most messages received at once.
const BATCH: usize = 500;
/// About how many bytes of payload are received at once.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// How often a failing broker is asked again before the command gives up.
const TRIES: u32 = 6;

/// A member of the group, with what it has received and not settled.
struct Member {
    source: BoxSource,
    settler: BoxSettler,
    leases: Leases,
    batch: Vec<Received>,
    /// How many to ask for: few where payloads are large.
    want: usize,
}

#[derive(Debug, Default)]
struct Tally {
    printed: u64,
    stale: u64,
}

pub(super) async fn run(
    session: &mut Session,
    broker: &Arc<dyn Broker>,
    args: &Args,
    options: &SubscribeOptions,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let source = subscribe(session, broker.as_ref(), args, options).await?;
    let settler = source.settler();
    let mut member = Member {
        leases: Leases::new(settler.clone(), options.lease),
        source,
        settler,
        batch: Vec::new(),
        want: 100,
    };
    let mut tally = Tally::default();
    let outcome = flow(session, args, interrupt, &mut member, &mut tally).await;
    let left = member.leave().await;
    if !session.quiet && outcome.is_ok() {
        session.out.flush()?;
        session.progress.note(&tally.summary(args.settle));
    }
    outcome.and(left)
}

async fn flow(
    session: &mut Session,
    args: &Args,
    interrupt: &Interrupt,
    member: &mut Member,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let policy = RetryPolicy::default();
    let patience = patience(args);
    let mut last = Instant::now();
    loop {
        let left = args.count.map(|count| count - tally.printed);
        if left == Some(0) {
            return Ok(());
        }
        let left = left.and_then(|n| usize::try_from(n).ok()).unwrap_or(BATCH);
        let deadline = patience.map(|wait| last + wait);
        tokio::select! {
            biased;
            () = interrupt.finish.cancelled() => return Ok(()),
            received = member.receive(left) => received?,
            () = until(deadline) => return Ok(()),
        }
        if args.settle != Settle::None {
            member.refuse_broken().await?;
        }
        if member.batch.is_empty() {
            continue;
        }
        for received in &member.batch {
            let attempt = [("attempt", received.attempt.into())];
            print(&mut session.out, args.output, &received.message, &attempt)?;
        }
        session.out.flush()?;
        tally.printed += member.batch.len() as u64;
        tally.stale += member.settle(args, &policy).await?;
        last = Instant::now();
    }
}

impl Member {
    /// Receives a batch of `most` messages at most. Cancel-safe.
    async fn receive(&mut self, most: usize) -> Result<(), Failure> {
        let want = self.want.min(most);
        let mut failures = 0;
        loop {
            match self.source.recv(&mut self.batch, want).await {
                Ok(_) => break,
                Err(e) if e.is_transient() && failures + 1 < TRIES => {
                    tokio::time::sleep(Duration::from_millis(100 << failures)).await;
                    failures += 1;
                }
                Err(e) => return Err(e.into()),
            }
        }
        self.leases.hold(self.batch.iter().map(|r| r.token));
        let bytes: usize = self.batch.iter().map(|r| r.message.payload().len()).sum();
        if !self.batch.is_empty() {
            let average = bytes / self.batch.len() + 1;
            self.want = (BATCH_BYTES / average).clamp(1, BATCH);
        }
        Ok(())
    }

    /// Makes dead letters of messages whose content does not match their provenance, as the
    /// consumer runtime does: what was changed on its way is not passed on as what was sent.
    async fn refuse_broken(&mut self) -> Result<(), Failure> {
        let mut nacks = Vec::new();
        self.batch.retain(|received| {
            let Some(error) = broken(&received.message) else {
                return true;
            };
            let id = received.message.id();
            say(&format!("message {id} is a dead letter now: {error}"));
            let reason = DeadLetterReason::BadProvenance;
            nacks.push(Nack::reject(received.token, reason, &error.to_string()));
            false
        });
        if !nacks.is_empty() {
            self.settler.nack(&nacks).await?;
            let tokens: Vec<Token> = nacks.iter().map(|nack| nack.token).collect();
            self.leases.let_go(&tokens);
        }
        Ok(())
    }

    /// Settles the batch; returns how many were no longer ours.
    async fn settle(&mut self, args: &Args, policy: &RetryPolicy) -> Result<u64, Failure> {
        let tokens: Vec<Token> = self.batch.iter().map(|r| r.token).collect();
        let reason = |default: &'static str| args.reason.as_deref().unwrap_or(default);
        let outcomes = match args.settle {
            Settle::None => {
                // They stay with this member: their leases are renewed until it ends.
                self.batch.clear();
                return Ok(0);
            }
            Settle::Ack => self.settler.ack(&tokens).await?,
            Settle::Nack => {
                let text = reason("given back by glmsg consume --settle nack");
                let nack = |r: &Received| Nack::retry(r.token, policy.delay(r.attempt), text);
                let nacks: Vec<Nack> = self.batch.iter().map(nack).collect();
                self.settler.nack(&nacks).await?
            }
            Settle::Reject => {
                let text = reason("refused by glmsg consume --settle reject");
                let nack = |token: &Token| Nack::reject(*token, DeadLetterReason::Rejected, text);
                let nacks: Vec<Nack> = tokens.iter().map(nack).collect();
                self.settler.nack(&nacks).await?
            }
        };
        self.leases.let_go(&tokens);
        self.batch.clear();
        let stale = outcomes.iter().filter(|o| **o == Settled::Stale).count();
        Ok(stale as u64)
    }

    /// Gives back what was received and not settled, so that it is there for others at once. What
    /// the source itself still has, it gives back when it is dropped.
    async fn leave(self) -> Result<(), Failure> {
        let tokens: Vec<Token> = self.batch.iter().map(|r| r.token).collect();
        if !tokens.is_empty() {
            self.settler.release(&tokens).await?;
        }
        Ok(())
    }
}

impl Tally {
    fn summary(&self, settle: Settle) -> String {
        let done = match settle {
            Settle::Ack => "consumed",
            Settle::None => "printed and not settled:",
            Settle::Nack => "given back",
            Settle::Reject => "refused",
        };
        let mut text = format!("{done} {}", counted(self.printed, "message"));
        if self.stale > 0 {
            let come = if self.stale == 1 {
                "it comes"
            } else {
                "they come"
            };
            text += &format!("; the lease of {} had run out, so {come} again", self.stale);
        }
        text
    }
}
