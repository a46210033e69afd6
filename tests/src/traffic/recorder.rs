//! Recording what a consumer receives and settles.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glmsg_broker::{BoxSettler, Broker, Nack, Received, Settled, Settler, Token};
use glmsg_conformance::{Hooks, Interposed};
use glmsg_core::{ErrorKind, Result};
use glmsg_faults::ledger::{Settlement, What, now_ns};

use super::Pen;

/// Records the deliveries and settlements of one consumer.
///
/// It stands between the consumer and its broker, and so sees also what the handler does not: renewals, what is given
/// back unhandled, and what comes of each acknowledgement.
#[derive(Debug)]
pub struct Recorder {
    pen: Pen,
    lease: Duration,
    held: Mutex<HashMap<Token, Held>>,
}

/// A delivery that is out: its message and its attempt.
#[derive(Debug, Clone)]
struct Held {
    id: String,
    attempt: u32,
}

/// A call that settles a delivery, by when it began and what came of it.
type Call = fn(String, String, u64, Settlement) -> What;

fn ack(id: String, group: String, called: u64, result: Settlement) -> What {
    What::Ack {
        id,
        group,
        called,
        result,
    }
}

fn nack(id: String, group: String, called: u64, result: Settlement) -> What {
    What::Nack {
        id,
        group,
        called,
        result,
    }
}

fn release(id: String, group: String, called: u64, result: Settlement) -> What {
    What::Release {
        id,
        group,
        called,
        result,
    }
}

impl Recorder {
    /// The broker for one consumer whose steps are recorded by `pen`.
    pub fn before(broker: Arc<dyn Broker>, pen: Pen, lease: Duration) -> Arc<dyn Broker> {
        let recorder = Self {
            pen,
            lease,
            held: Mutex::default(),
        };
        Arc::new(Interposed::new(broker, Arc::new(recorder)))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Token, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, held: Held, call: Call, called: u64, result: Settlement) {
        let Held { id, attempt } = held;
        let group = self.pen.group().to_owned();
        self.pen.record(attempt, call(id, group, called, result));
    }

    /// Records what may come of a call that gives messages back, before it is made: a process that dies before the answer
    /// has given them back all the same.
    fn forebode(&self, tokens: impl Iterator<Item = Token>, call: Call) {
        for token in tokens {
            let held = self.held().get(&token).cloned();
            if let Some(held) = held {
                self.record(held, call, now_ns(), Settlement::Unknown);
            }
        }
    }

    fn conclude(
        &self,
        tokens: impl Iterator<Item = Token>,
        call: Call,
        called: u64,
        settled: &Result<Vec<Settled>>,
    ) {
        match settled {
            Ok(settled) => {
                for (token, settled) in tokens.zip(settled) {
                    let held = self.held().remove(&token);
                    let result = match settled {
                        Settled::DeadLettered(_) => Settlement::Dead,
                        Settled::Stale => Settlement::Stale,
                        _ => Settlement::Accepted,
                    };
                    if let Some(held) = held {
                        self.record(held, call, called, result);
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::Indeterminate => {
                for token in tokens {
                    let held = self.held().get(&token).cloned();
                    if let Some(held) = held {
                        self.record(held, call, called, Settlement::Unknown);
                    }
                }
            }
            // Any other error says that nothing was done: the consumer still holds them, and tries again.
            Err(_) => {}
        }
    }
}

fn in_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Hooks for Recorder {
    async fn received(&self, deliveries: &[Received], _: &BoxSettler) {
        for delivery in deliveries {
            let (id, attempt) = (delivery.message.id().to_string(), delivery.attempt);
            let token = delivery.token;
            let received = What::Recv {
                id: id.clone(),
                group: self.pen.group().to_owned(),
                attempt,
                lease_ms: in_ms(self.lease),
                position: Some(format!("{}-{}", token.place(), token.sub())),
            };
            self.pen.record(attempt, received);
            self.held().insert(token, Held { id, attempt });
        }
    }

    async fn ack(&self, tokens: &[Token], settler: &BoxSettler) -> Result<Vec<Settled>> {
        let called = now_ns();
        let settled = settler.ack(tokens).await;
        self.conclude(tokens.iter().copied(), ack, called, &settled);
        settled
    }

    async fn nack(&self, nacks: &[Nack], settler: &BoxSettler) -> Result<Vec<Settled>> {
        let tokens = || nacks.iter().map(|nack| nack.token);
        self.forebode(tokens(), nack);
        let called = now_ns();
        let settled = settler.nack(nacks).await;
        self.conclude(tokens(), nack, called, &settled);
        settled
    }

    async fn release(&self, tokens: &[Token], settler: &BoxSettler) -> Result<Vec<Settled>> {
        self.forebode(tokens.iter().copied(), release);
        let called = now_ns();
        let settled = settler.release(tokens).await;
        self.conclude(tokens.iter().copied(), release, called, &settled);
        settled
    }

    async fn extend(
        &self,
        tokens: &[Token],
        lease: Duration,
        settler: &BoxSettler,
    ) -> Result<Vec<Settled>> {
        let called = Instant::now();
        let settled = settler.extend(tokens, lease).await?;
        for (token, settled) in tokens.iter().zip(&settled) {
            let held = self.held().get(token).cloned();
            if let (Settled::Extended(_), Some(Held { id, attempt })) = (settled, held) {
                // It began when it was asked for, at the earliest; the answer may have come much later.
                let left = lease.saturating_sub(called.elapsed());
                let extended = What::Extend {
                    id,
                    group: self.pen.group().to_owned(),
                    lease_ms: in_ms(left),
                };
                self.pen.record(attempt, extended);
            }
        }
        Ok(settled)
    }
}
