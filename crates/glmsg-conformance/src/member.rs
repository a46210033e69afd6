//! A member of a group as the cases use it: the contract's own calls, bounded and checked.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    BoxFuture, BoxSettler, BoxSource, Broker, Intake, Nack, Received, Settled, Settler, Source,
    SubscribeOptions,
};
use glmsg_core::{DeadLetterReason, MessageId, Result};

use crate::Fixture;
use crate::messages::{group, message, store, topic};
use crate::patience::within;

/// Broker time after which everything is over that was to last for [`Fixture::soon`].
pub(crate) fn past_soon<F: Fixture>() -> Duration {
    F::soon() * 3 / 2
}

/// A subscription through the contract, without heartbeat or buffer.
pub(crate) struct Member {
    pub(crate) source: BoxSource,
    pub(crate) settler: BoxSettler,
    /// What receiving reported besides deliveries, summed up.
    pub(crate) intake: Intake,
}

/// Options for a group of the suite's topic.
pub(crate) fn options(name: &str) -> SubscribeOptions {
    SubscribeOptions::new(topic(), group(name)).expect("the suite's names are valid")
}

/// A settlement on its way. It does not borrow the member, whose source is not to be shared
/// between threads.
type Settling = BoxFuture<'static, Settled>;

impl Member {
    /// Joins a group of the suite's topic with the default lease, which outlasts any case.
    pub(crate) async fn join(broker: &Arc<dyn Broker>, name: &str) -> Self {
        Self::join_with(broker, &options(name)).await
    }

    /// Joins with a lease that ends soon, for cases that wait for its end. Such cases claim nothing
    /// about what happens before: a slow machine may take longer than this between any two steps.
    pub(crate) async fn join_briefly<F: Fixture>(broker: &Arc<dyn Broker>, name: &str) -> Self {
        Self::join_with(broker, &options(name).lease(F::soon())).await
    }

    /// Joins as `options` say.
    pub(crate) async fn join_with(broker: &Arc<dyn Broker>, options: &SubscribeOptions) -> Self {
        let source = within("a subscription", broker.open_source(options))
            .await
            .expect("subscribing with valid options works");
        let settler = Source::settler(&source);
        Self {
            source,
            settler,
            intake: Intake::default(),
        }
    }

    /// One call of `recv`.
    pub(crate) async fn recv(&mut self, max: usize) -> Result<Vec<Received>> {
        let mut buf = Vec::new();
        let intake = self.source.recv(&mut buf, max).await?;
        self.intake.expired += intake.expired;
        self.intake.dead_lettered += intake.dead_lettered;
        assert!(
            buf.len() <= max,
            "recv was asked for at most {max} and gave {}",
            buf.len()
        );
        assert!(
            !buf.is_empty() || intake != Intake::default(),
            "recv returned without a delivery and without an intake to report"
        );
        Ok(buf)
    }

    /// Exactly `n` deliveries, in as many calls as it takes.
    pub(crate) async fn take(&mut self, n: usize) -> Vec<Received> {
        let mut all = Vec::new();
        while all.len() < n {
            let missing = n - all.len();
            let what = format!("{missing} more of {n} deliveries");
            let some = within(&what, self.recv(missing)).await;
            all.extend(some.expect("receiving works"));
        }
        all
    }

    /// The next delivery.
    pub(crate) async fn next(&mut self) -> Received {
        self.take(1).await.remove(0)
    }

    /// Lets the backend look at what is not deliverable any more, up to `n` messages that expire
    /// or become dead letters while receiving.
    pub(crate) async fn sweep(&mut self, n: u64) {
        while self.intake.expired + self.intake.dead_lettered < n {
            let got = within("messages that are to be dead-lettered", self.recv(100)).await;
            let got = got.expect("receiving works");
            assert!(
                got.is_empty(),
                "expected dead letters only, but {got:?} was delivered"
            );
        }
    }

    /// Fails if anything is deliverable to this member now: a message published behind everything
    /// else must be the next to come. Costs no waiting. Other groups of the topic get it, too.
    pub(crate) async fn expect_nothing(&mut self, broker: &Arc<dyn Broker>) {
        let probe = message("the only deliverable message");
        store(broker, std::slice::from_ref(&probe)).await;
        let got = self.next().await;
        assert_eq!(
            got.message.id(),
            probe.id(),
            "nothing should have been deliverable, but attempt {} at {:?} was",
            got.attempt,
            String::from_utf8_lossy(got.message.payload())
        );
        self.ack(&got).await;
    }

    /// Acks, and fails unless that worked.
    pub(crate) fn ack(&self, delivery: &Received) -> BoxFuture<'static, ()> {
        self.ack_all(std::slice::from_ref(delivery))
    }

    /// Acks all of them in one call, and fails unless that worked.
    pub(crate) fn ack_all(&self, deliveries: &[Received]) -> BoxFuture<'static, ()> {
        let settler = self.settler.clone();
        let tokens: Vec<_> = deliveries.iter().map(|d| d.token).collect();
        Box::pin(async move {
            let settled = within("an ack", settler.ack(&tokens)).await;
            let settled = settled.expect("acking works");
            let expected = vec![Settled::Acked; tokens.len()];
            assert_eq!(settled, expected, "acks by the holder");
        })
    }

    /// Acks and returns what came of it.
    pub(crate) fn try_ack(&self, delivery: &Received) -> Settling {
        let (settler, token) = (self.settler.clone(), delivery.token);
        Box::pin(async move { one(within("an ack", settler.ack(&[token])).await) })
    }

    /// Gives it back as failed, to be tried again after `delay`.
    pub(crate) fn retry(&self, delivery: &Received, delay: Duration, why: &str) -> Settling {
        self.nack(Nack::retry(delivery.token, delay, why))
    }

    /// Makes a dead letter of it, and fails unless that worked.
    pub(crate) fn reject(&self, delivery: &Received, why: &str) -> BoxFuture<'static, ()> {
        let reason = DeadLetterReason::Rejected;
        let settling = self.nack(Nack::reject(delivery.token, reason, why));
        Box::pin(async move {
            let expected = Settled::DeadLettered(reason);
            assert_eq!(settling.await, expected, "a rejection by the holder");
        })
    }

    /// Nacks and returns what came of it.
    pub(crate) fn nack(&self, nack: Nack) -> Settling {
        let settler = self.settler.clone();
        Box::pin(async move { one(within("a nack", settler.nack(&[nack])).await) })
    }

    /// Gives it back unhandled and returns what came of it.
    pub(crate) fn release(&self, delivery: &Received) -> Settling {
        let (settler, token) = (self.settler.clone(), delivery.token);
        Box::pin(async move { one(within("a release", settler.release(&[token])).await) })
    }

    /// Renews a lease and returns what came of it.
    pub(crate) fn extend(&self, delivery: &Received, lease: Duration) -> Settling {
        let (settler, token) = (self.settler.clone(), delivery.token);
        Box::pin(async move { one(within("an extension", settler.extend(&[token], lease)).await) })
    }
}

/// The ids of deliveries.
pub(crate) fn received_ids(deliveries: &[Received]) -> Vec<MessageId> {
    deliveries.iter().map(|d| d.message.id()).collect()
}

fn one(settled: Result<Vec<Settled>>) -> Settled {
    let settled = settled.expect("settling works");
    assert_eq!(settled.len(), 1, "one outcome for each token");
    settled[0]
}
