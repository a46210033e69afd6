//! Printing messages: receive, print, flush, settle, in this order, so that a message is never
//! settled that was not printed.

use glmsg::{DeadLetterReason, Nack, Received, Settled, Token};
use tokio::time::Instant;

use super::attempts::{Attempt, Attempts};
use super::member::Member;
use super::{Args, Settle, broken, patience, until};
use crate::failure::{Failure, say};
use crate::interrupt::Interrupt;
use crate::message_form::print;
use crate::session::Session;
use crate::table::counted;

/// The most messages received at once.
const BATCH: usize = 500;
/// About how many bytes of payload are received at once.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// What prints: a member of the group, and what it has received and not settled.
struct Printer<'a> {
    member: &'a mut Member,
    batch: Vec<Received>,
    attempts: Attempts,
    /// Those at what was printed of the batch.
    begun: Vec<Attempt>,
    /// How many to ask for: few where payloads are large.
    want: usize,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    printed: u64,
    stale: u64,
    /// Settled, or gone to another member while the broker did not answer.
    unsure: u64,
}

pub(super) async fn run(
    session: &mut Session,
    member: &mut Member,
    (args, attempts): (&Args, Attempts),
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let mut printer = Printer {
        member,
        batch: Vec::new(),
        attempts,
        begun: Vec::new(),
        want: 100,
        tally: Tally::default(),
    };
    let outcome = printer.flow(session, args, interrupt).await;
    let left = printer.leave().await;
    if !session.quiet && outcome.is_ok() {
        session.out.flush()?;
        session.progress.note(&printer.tally.summary(args.settle));
    }
    outcome.and(left)
}

impl Printer<'_> {
    async fn flow(
        &mut self,
        session: &mut Session,
        args: &Args,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        let patience = patience(args);
        let mut last = Instant::now();
        loop {
            let left = args.count.map(|count| count - self.tally.printed);
            if left == Some(0) {
                return Ok(());
            }
            let left = left.and_then(|n| usize::try_from(n).ok()).unwrap_or(BATCH);
            // Silence of the broker is not silence of the topic.
            let was_waiting = self.member.waiting.is_waiting();
            let deadline = patience.filter(|_| !was_waiting).map(|wait| last + wait);
            tokio::select! {
                biased;
                () = interrupt.finish.cancelled() => return Ok(()),
                received = self.member.receive(&mut self.batch, self.want.min(left)) => received?,
                () = until(deadline) => {
                    if self.member.is_silent(&interrupt.finish).await? {
                        return Ok(());
                    }
                    last = Instant::now();
                }
            }
            if was_waiting || self.member.waiting.is_waiting() {
                last = Instant::now();
            }
            self.weigh();
            if args.settle != Settle::None {
                self.refuse_broken().await?;
            }
            if self.batch.is_empty() {
                continue;
            }
            for received in &self.batch {
                let number = [("attempt", received.attempt.into())];
                let (out, message) = (&mut session.out, &received.message);
                let mut attempt = self.attempts.begin(received);
                let printed = attempt.within(|| print(out, args.output, message, &number));
                self.begun.push(attempt);
                printed?;
            }
            session.out.flush()?;
            self.tally.printed += self.batch.len() as u64;
            self.settle(args).await?;
            last = Instant::now();
        }
    }

    /// Reckons how many to ask for next.
    fn weigh(&mut self) {
        if !self.batch.is_empty() {
            let bytes: usize = self.batch.iter().map(|r| r.message.payload().len()).sum();
            let average = bytes / self.batch.len() + 1;
            self.want = (BATCH_BYTES / average).clamp(1, BATCH);
        }
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
            let nack = Nack::reject(received.token, reason, &error.to_string());
            self.attempts.begin(received).failed(&nack);
            nacks.push(nack);
            false
        });
        if !nacks.is_empty() {
            self.member.nack(&nacks).await?;
        }
        Ok(())
    }

    /// Settles the batch, and counts what was no longer ours.
    async fn settle(&mut self, args: &Args) -> Result<(), Failure> {
        let tokens: Vec<Token> = self.batch.iter().map(|r| r.token).collect();
        let reason = |default: &'static str| args.reason.as_deref().unwrap_or(default);
        let outcomes = match args.settle {
            Settle::None => {
                // They stay with this member: their leases are renewed until it ends.
                self.begun.drain(..).for_each(Attempt::released);
                self.batch.clear();
                return Ok(());
            }
            Settle::Ack => {
                self.begun.drain(..).for_each(Attempt::handled);
                self.member.ack(&tokens).await?
            }
            Settle::Nack => {
                let text = reason("given back by glmsg consume --settle nack");
                let nack = |r: &Received| self.attempts.failure(r, text);
                let nacks: Vec<Nack> = self.batch.iter().map(nack).collect();
                self.fail(&nacks);
                self.member.nack(&nacks).await?
            }
            Settle::Reject => {
                let text = reason("refused by glmsg consume --settle reject");
                let nack = |token: &Token| Nack::reject(*token, DeadLetterReason::Rejected, text);
                let nacks: Vec<Nack> = tokens.iter().map(nack).collect();
                self.fail(&nacks);
                self.member.nack(&nacks).await?
            }
        };
        self.batch.clear();
        let stale = outcomes.value.iter().filter(|o| **o == Settled::Stale);
        let stale = stale.count() as u64;
        match outcomes.is_repeated {
            false => self.tally.stale += stale,
            true => self.tally.unsure += stale,
        }
        Ok(())
    }

    fn fail(&mut self, nacks: &[Nack]) {
        for (attempt, nack) in self.begun.drain(..).zip(nacks) {
            attempt.failed(nack);
        }
    }

    /// Gives back what was received and not settled.
    async fn leave(&mut self) -> Result<(), Failure> {
        self.begun.drain(..).for_each(Attempt::released);
        let tokens: Vec<Token> = self.batch.iter().map(|r| r.token).collect();
        self.member.release(&tokens).await
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
        if self.unsure > 0 {
            let come = if self.unsure == 1 {
                "was settled or comes"
            } else {
                "were settled or come"
            };
            text += &format!("; {} {come} again: an answer was lost", self.unsure);
        }
        text
    }
}
