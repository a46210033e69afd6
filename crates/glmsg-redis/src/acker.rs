//! Settling deliveries.

mod framed;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_broker::{Durability, Nack, Requeue, Settled, Settler, Token};
use glmsg_core::{DeadLetterReason, Result, Timestamp, clean_error_text};
use redis::{Cmd, Pipeline, Value};
use tokio::time::Instant;

use crate::broker::Shared;
use crate::encode::{fine, list, millis, next, number, text};
use crate::keys::GroupKeys;
use crate::member::{Deliveries, Held};
use crate::outbox::{self, Outbox};

/// The most deliveries that one step settles.
const MOST: usize = 500;

/// Settles the deliveries of a [`RedisSource`](crate::RedisSource), also when that is gone. A clone
/// is the same handle.
#[derive(Clone)]
pub struct RedisSettler {
    pub(crate) shared: Arc<Shared>,
    pub(crate) group: Arc<GroupKeys>,
    /// The member's name on the streams, without its lease.
    pub(crate) consumer: Arc<str>,
    pub(crate) deliveries: Arc<Mutex<Deliveries>>,
    pub(crate) outbox: Arc<Outbox>,
}

impl fmt::Debug for RedisSettler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettler")
            .field("group", &self.group.stream_name)
            .field("consumer", &self.consumer)
            .finish_non_exhaustive()
    }
}

/// What the settle step is asked for, with its four words.
pub(crate) struct Wish {
    pub(crate) token: Token,
    what: &'static str,
    words: [Vec<u8>; 4],
}

impl Wish {
    fn new(token: Token, what: &'static str) -> Self {
        let words = Default::default();
        Self { token, what, words }
    }

    fn nack(nack: &Nack) -> Self {
        let mut wish = Self::new(nack.token, "n");
        if let Requeue::After(delay) = nack.requeue {
            wish.words[0] = millis(delay).to_string().into();
        }
        wish.words[1] = (nack.outcome as u8).to_string().into();
        wish.words[2] = (nack.reason as u8).to_string().into();
        // The fields are public, so the text may not have gone through `Nack::retry`.
        wish.words[3] = clean_error_text(&nack.error).as_bytes().into();
        wish
    }

    fn extend(token: Token, lease: Duration) -> Self {
        let mut wish = Self::new(token, "e");
        wish.words[0] = millis(lease).to_string().into();
        wish
    }

    /// That it came out of turn: who had it looks next for what is first, so nobody else is called.
    pub(crate) fn put_back(token: Token) -> Self {
        Self::new(token, "p")
    }

    /// To look whether it has expired.
    pub(crate) fn expire(token: Token) -> Self {
        Self::new(token, "x")
    }

    /// That bytes are no message; `id` is the dead letter's.
    pub(crate) fn bury(token: Token, id: &[u8; 16], why: &str) -> Self {
        let mut wish = Self::new(token, "b");
        wish.words[0] = id.as_slice().into();
        wish.words[1] = why.as_bytes().into();
        wish
    }
}

impl RedisSettler {
    pub(crate) fn deliveries(&self) -> MutexGuard<'_, Deliveries> {
        self.deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives deliveries back unhandled.
    pub(crate) async fn give_back(&self, tokens: &[Token]) -> Result<()> {
        self.release_all(tokens).await.map(drop)
    }

    /// Settles by the step that looks who holds each.
    pub(crate) async fn settle(&self, wishes: &[Wish]) -> Result<Vec<Settled>> {
        self.shared.check_open()?;
        let mut settled = Vec::with_capacity(wishes.len());
        for part in wishes.chunks(MOST) {
            self.settle_part(part, &mut settled).await?;
        }
        Ok(settled)
    }

    async fn settle_part(&self, wishes: &[Wish], settled: &mut Vec<Settled>) -> Result<()> {
        let mut call = self.shared.scripts.settle.of_group(&self.group);
        call.arg(&*self.consumer);
        let first = settled.len();
        let sent_at = Instant::now();
        let mut asked = Vec::with_capacity(wishes.len());
        {
            let mut deliveries = self.deliveries();
            for (n, wish) in wishes.iter().enumerate() {
                settled.push(Settled::Stale);
                let held = match wish.what {
                    // An ack may come while a lease is renewed, and must not be refused for it.
                    "e" => deliveries.look_at(wish.token),
                    _ => deliveries.begin(wish.token),
                };
                if let Some(held) = held {
                    if let Some(part) = held.part {
                        deliveries.begin_frame(part);
                    }
                    put(&mut call, wish, &held);
                    asked.push(n);
                }
            }
        }
        if asked.is_empty() {
            return Ok(());
        }
        let begun = Begun {
            settler: self,
            tokens: asked
                .iter()
                .filter(|n| wishes[**n].what != "e")
                .map(|n| wishes[*n].token)
                .collect(),
        };
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(call);
        let slot = self.group.slot;
        let replies = self.shared.link.send_durably(slot, &pipeline).await?;
        let answer = fine(next(&mut replies.values.into_iter())?)?;
        let results = list(answer)?;
        drop(begun);
        let mut deliveries = self.deliveries();
        for (n, result) in asked.into_iter().zip(results) {
            let wish = &wishes[n];
            let Some(outcome) = outcome(result)? else {
                // Only looked at, and still good.
                settled[first + n] = Settled::Released;
                continue;
            };
            match outcome {
                Settled::Extended(_) => {
                    let lease = std::str::from_utf8(&wish.words[0]).unwrap_or("0");
                    let lease = Duration::from_millis(lease.parse().unwrap_or(0));
                    deliveries.extend(wish.token, sent_at + lease);
                }
                // Somebody settles it just now, and will hear of it.
                Settled::Stale if wish.what == "e" && deliveries.is_leaving(wish.token) => {}
                _ => deliveries.settle(wish.token),
            }
            settled[first + n] = outcome;
        }
        Ok(())
    }

    async fn ack_entries(&self, held: Vec<Held>) -> Result<Vec<bool>> {
        match self.shared.link.config().durability {
            Durability::Local => self.ack_soon(held).await,
            _ => self.ack_durably(held).await,
        }
    }

    /// Acks what nobody else can have received, by plain commands.
    async fn ack_plain(
        &self,
        tokens: &[(usize, Token, Held)],
        settled: &mut [Settled],
    ) -> Result<()> {
        for part in tokens.chunks(outbox::MOST) {
            let held = part.iter().map(|(_, _, held)| *held).collect();
            let acked = self.ack_entries(held).await?;
            let mut deliveries = self.deliveries();
            for ((at, token, _), is_acked) in part.iter().zip(acked) {
                deliveries.settle(*token);
                if is_acked {
                    settled[*at] = Settled::Acked;
                }
            }
        }
        Ok(())
    }
}

/// Settling under way: what it leaves unsettled, also when it is given up, can be settled again.
struct Begun<'a> {
    settler: &'a RedisSettler,
    tokens: Vec<Token>,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let mut deliveries = self.settler.deliveries();
        for token in &self.tokens {
            deliveries.resume(*token);
        }
    }
}

fn put(call: &mut Cmd, wish: &Wish, held: &Held) {
    let id = match held.part {
        Some(part) => format!("{}.{}", held.id, part.index),
        None => held.id.to_string(),
    };
    call.arg(wish.what).arg(held.lane).arg(id).arg(held.attempt);
    for word in &wish.words {
        call.arg(word.as_slice());
    }
}

fn outcome(result: Value) -> Result<Option<Settled>> {
    let mut words = list(result)?.into_iter();
    let outcome = match text(next(&mut words)?)?.as_str() {
        "V" => return Ok(None),
        "A" => Settled::Acked,
        "L" => Settled::Released,
        "R" => Settled::Retried(Timestamp::from_micros(number(next(&mut words)?)?)),
        "E" => Settled::Extended(Timestamp::from_micros(number(next(&mut words)?)?)),
        "D" => {
            let reason = usize::try_from(number(next(&mut words)?)?).ok();
            let reason = reason.and_then(|n| DeadLetterReason::ALL.get(n));
            Settled::DeadLettered(reason.copied().unwrap_or(DeadLetterReason::MaxRetries))
        }
        _ => Settled::Stale,
    };
    Ok(Some(outcome))
}

impl Settler for RedisSettler {
    async fn ack(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.shared.check_open().map_err(|e| e.operation("ack"))?;
        let mut settled = vec![Settled::Stale; tokens.len()];
        let (mut plain, mut others, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let mut framed = Vec::new();
        {
            let mut deliveries = self.deliveries();
            let now = Instant::now();
            for (at, token) in tokens.iter().enumerate() {
                match deliveries.begin(*token) {
                    Some(held) if held.part.is_some() => framed.push((at, *token, held)),
                    Some(held) if held.is_plain(now) && !self.is_strict() => {
                        if plain.is_empty() {
                            plain.reserve(tokens.len() - at);
                        }
                        plain.push((at, *token, held));
                    }
                    Some(_) => {
                        deliveries.resume(*token);
                        others.push(Wish::new(*token, "a"));
                        places.push(at);
                    }
                    None => {}
                }
            }
        }
        let begun = |tokens: &[(usize, Token, Held)]| Begun {
            settler: self,
            tokens: tokens.iter().map(|(_, token, _)| *token).collect(),
        };
        let (begun, _framed_begun) = (begun(&plain), begun(&framed));
        let acked = self.ack_plain(&plain, &mut settled).await;
        drop(begun);
        acked.map_err(|e| e.operation("ack"))?;
        if !framed.is_empty() {
            let acked = self.ack_framed(framed, &mut settled).await;
            acked.map_err(|e| e.operation("ack"))?;
        }
        if !others.is_empty() {
            let outcomes = self.settle(&others).await.map_err(|e| e.operation("ack"))?;
            for (at, outcome) in places.into_iter().zip(outcomes) {
                settled[at] = outcome;
            }
        }
        Ok(settled)
    }

    async fn nack(&self, nacks: &[Nack]) -> Result<Vec<Settled>> {
        let wishes: Vec<Wish> = nacks.iter().map(Wish::nack).collect();
        self.settle(&wishes).await.map_err(|e| e.operation("nack"))
    }

    async fn release(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        let done = self.release_all(tokens).await;
        done.map_err(|e| e.operation("release"))
    }

    async fn extend(&self, tokens: &[Token], lease: Duration) -> Result<Vec<Settled>> {
        let done = self.extend_all(tokens, lease).await;
        done.map_err(|e| e.operation("extend"))
    }
}

impl RedisSettler {
    /// Whether every ack must look who holds the delivery: where the order of keys is kept, the
    /// next of the key is set free in the same step.
    fn is_strict(&self) -> bool {
        self.group.is_by_key
    }
}
