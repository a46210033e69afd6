//! A log of what the consumer runtime does to its broker, so that cases wait for events and not
//! for time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use glmsg_broker::{BoxSettler, Broker, Nack, Received, Settled, Settler, Token};
use glmsg_core::{MessageId, Result, Timestamp};
use tokio::sync::watch;

use crate::interpose::{Hooks, Interposed};
use crate::patience::within;

/// What has happened so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// How often each message was handed out.
    pub(crate) received: BTreeMap<MessageId, u32>,
    /// Nacks, in their order.
    pub(crate) nacks: Vec<(Nack, Settled)>,
    pub(crate) acked: usize,
    pub(crate) released: usize,
    /// How often each delivery's lease was renewed.
    pub(crate) extended: BTreeMap<Token, u32>,
    /// Settlements that came too late.
    pub(crate) stale: usize,
}

/// Watches a broker.
#[derive(Debug)]
pub(crate) struct Watch {
    seen: Mutex<Seen>,
    swallows_renewals: AtomicBool,
    changed: watch::Sender<()>,
}

impl Watch {
    /// A broker that behaves as `inner`, and the log of what is done to it.
    pub(crate) fn over(inner: Arc<dyn Broker>) -> (Arc<dyn Broker>, Arc<Self>) {
        let hooks = Arc::new(Self {
            seen: Mutex::default(),
            swallows_renewals: AtomicBool::new(false),
            changed: watch::Sender::new(()),
        });
        (Arc::new(Interposed::new(inner, hooks.clone())), hooks)
    }

    /// What has happened so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until the log says what is asked of it.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Seen) -> bool) {
        let mut changes = self.changed.subscribe();
        within(what, async {
            while !is_so(&self.seen()) {
                let _ = changes.changed().await;
            }
        })
        .await;
    }

    /// From now on renewals are not passed on, as if the consumer were cut off and did not know.
    pub(crate) fn swallow_renewals(&self) {
        self.swallows_renewals.store(true, Ordering::SeqCst);
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_replace(());
    }
}

fn stale(outcomes: &[Settled]) -> usize {
    outcomes.iter().filter(|o| !o.is_current()).count()
}

impl Hooks for Watch {
    async fn received(&self, deliveries: &[Received], _settler: &BoxSettler) {
        self.note(|seen| {
            for delivery in deliveries {
                *seen.received.entry(delivery.message.id()).or_default() += 1;
            }
        });
    }

    async fn ack(&self, tokens: &[Token], settler: &BoxSettler) -> Result<Vec<Settled>> {
        let outcomes = settler.ack(tokens).await?;
        self.note(|seen| {
            seen.stale += stale(&outcomes);
            seen.acked += outcomes.len() - stale(&outcomes);
        });
        Ok(outcomes)
    }

    async fn nack(&self, nacks: &[Nack], settler: &BoxSettler) -> Result<Vec<Settled>> {
        let outcomes = settler.nack(nacks).await?;
        self.note(|seen| {
            seen.stale += stale(&outcomes);
            seen.nacks
                .extend(nacks.iter().cloned().zip(outcomes.iter().copied()));
        });
        Ok(outcomes)
    }

    async fn release(&self, tokens: &[Token], settler: &BoxSettler) -> Result<Vec<Settled>> {
        let outcomes = settler.release(tokens).await?;
        self.note(|seen| {
            seen.stale += stale(&outcomes);
            seen.released += outcomes.len() - stale(&outcomes);
        });
        Ok(outcomes)
    }

    async fn extend(
        &self,
        tokens: &[Token],
        lease: Duration,
        settler: &BoxSettler,
    ) -> Result<Vec<Settled>> {
        if self.swallows_renewals.load(Ordering::SeqCst) {
            return Ok(vec![Settled::Extended(Timestamp::MAX); tokens.len()]);
        }
        let outcomes = settler.extend(tokens, lease).await?;
        self.note(|seen| {
            for (token, outcome) in tokens.iter().zip(&outcomes) {
                if outcome.is_current() {
                    *seen.extended.entry(*token).or_default() += 1;
                }
            }
        });
        Ok(outcomes)
    }
}
