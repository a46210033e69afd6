//! The memory backend, seen through hooks that bend it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg_broker::{
    BoxSettler, Broker, Capability, Nack, Received, Requeue, Settled, Settler, Token,
};
use glmsg_conformance::{Fixture, Hooks, Interposed};
use glmsg_core::{Result, Timestamp, TopicName};
use glmsg_tests::MemoryByHand;

/// A way to bend a backend.
pub(crate) trait Bend: Hooks + Default {
    /// What a crash does besides ending all members.
    fn crash(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// The memory backend bent by `B`. A crash takes nothing from it but its members: it keeps what a
/// durable store keeps.
pub(crate) struct Bent<B> {
    inner: MemoryByHand,
    bend: Arc<B>,
}

impl<B: Bend> Fixture for Bent<B> {
    fn capability() -> Capability {
        MemoryByHand::capability()
    }

    async fn new() -> Self {
        Self {
            inner: MemoryByHand::new().await,
            bend: Arc::default(),
        }
    }

    async fn broker(&self) -> Arc<dyn Broker> {
        let inner = self.inner.broker().await;
        Arc::new(Interposed::new(inner, self.bend.clone()))
    }

    async fn pass(&self, by: Duration) {
        self.inner.pass(by).await;
    }

    fn has_manual_clock() -> bool {
        true
    }

    fn can_reopen() -> bool {
        true
    }

    async fn reopen(&self) -> Arc<dyn Broker> {
        self.bend.crash().await;
        self.broker().await
    }

    async fn inject_raw(&self, _topic: &TopicName, _bytes: &[u8]) -> bool {
        false
    }
}

/// Nothing is bent.
pub(crate) type Sound = Bent<Straight>;
/// What was delivered and not settled is gone after a crash.
pub(crate) type LosesOnCrash = Bent<Forgetful>;
/// What is delivered counts as done.
pub(crate) type AcksEarly = Bent<Hasty>;
/// A failed attempt does not count.
pub(crate) type RetriesForEver = Bent<Stubborn>;

#[derive(Default)]
pub(crate) struct Straight;

impl Hooks for Straight {}
impl Bend for Straight {}

#[derive(Default)]
pub(crate) struct Forgetful(Mutex<Vec<(BoxSettler, Token)>>);

impl Hooks for Forgetful {
    async fn received(&self, deliveries: &[Received], settler: &BoxSettler) {
        let mut held = self.0.lock().expect("no panic");
        held.extend(deliveries.iter().map(|d| (settler.clone(), d.token)));
    }
}

impl Bend for Forgetful {
    async fn crash(&self) {
        let held = std::mem::take(&mut *self.0.lock().expect("no panic"));
        for (settler, token) in held {
            // Those that were settled are stale.
            let _ = settler.ack(&[token]).await;
        }
    }
}

#[derive(Default)]
pub(crate) struct Hasty;

impl Hooks for Hasty {
    async fn received(&self, deliveries: &[Received], settler: &BoxSettler) {
        let tokens: Vec<Token> = deliveries.iter().map(|d| d.token).collect();
        let _ = settler.ack(&tokens).await;
    }

    async fn ack(&self, tokens: &[Token], _settler: &BoxSettler) -> Result<Vec<Settled>> {
        Ok(vec![Settled::Acked; tokens.len()])
    }
}

impl Bend for Hasty {}

#[derive(Default)]
pub(crate) struct Stubborn;

impl Hooks for Stubborn {
    async fn nack(&self, nacks: &[Nack], settler: &BoxSettler) -> Result<Vec<Settled>> {
        let mut outcomes = Vec::new();
        for nack in nacks {
            let once = std::slice::from_ref(nack);
            let outcome = match nack.requeue {
                Requeue::Never => settler.nack(once).await?.remove(0),
                Requeue::After(_) => match settler.release(&[nack.token]).await?[0] {
                    Settled::Released => Settled::Retried(Timestamp::EPOCH),
                    other => other,
                },
            };
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

impl Bend for Stubborn {}
