//! The attempts of a group, as its observer and the log see them: what the consumer runtime tells
//! of its own, told of the loops here.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use glmsg::{
    AttemptEnd, AttemptOutcome, Broker, DeadLetterReason, GroupName, MessageId, Nack, Observed,
    Observer, Received, Requeue, RetryPolicy, SubscribeOptions, TopicName,
};

/// That of the consumer runtime, so that a filter finds the attempts of both.
const TARGET: &str = "glmsg_broker::consumer::attempt";

/// Begins the attempts of a group, and knows what becomes of those that fail.
#[derive(Clone)]
pub(super) struct Attempts {
    observer: Option<Arc<dyn Observer>>,
    topic: TopicName,
    group: GroupName,
    policy: RetryPolicy,
}

/// An attempt that has begun. It is ended before the broker is told how.
pub(super) struct Attempt {
    observed: Option<Box<dyn Observed>>,
    topic: TopicName,
    group: GroupName,
    id: MessageId,
    number: u32,
    /// How many there may be.
    allowed: u32,
}

impl Attempts {
    pub(super) fn new(
        broker: &dyn Broker,
        options: &SubscribeOptions,
        policy: &RetryPolicy,
    ) -> Self {
        Self {
            observer: broker.observer(),
            topic: options.topic.clone(),
            group: options.group.clone(),
            policy: policy.clone(),
        }
    }

    pub(super) fn begin(&self, received: &Received) -> Attempt {
        let observer = self.observer.as_ref();
        Attempt {
            observed: observer.and_then(|observer| observer.begin(&self.group, received)),
            topic: self.topic.clone(),
            group: self.group.clone(),
            id: received.message.id(),
            number: received.attempt,
            allowed: self.policy.attempts_of(received.message.max_attempts()),
        }
    }

    /// What is asked for a message that failed: another try, or none where its tries are used up.
    /// What the message itself allows, the broker knows; the settings can only allow less.
    pub(super) fn failure(&self, received: &Received, why: &str) -> Nack {
        let own = received.message.max_attempts();
        let allowed = self.policy.attempts_of(own);
        match allowed < own && received.attempt >= allowed {
            true => Nack::reject(received.token, DeadLetterReason::MaxRetries, why)
                .outcome(AttemptOutcome::Failed),
            false => Nack::retry(received.token, self.policy.delay(received.attempt), why),
        }
    }
}

impl Attempt {
    /// Does `work` within what observes the attempt.
    pub(super) fn within<R>(&mut self, mut work: impl FnMut() -> R) -> R {
        let Some(observed) = &mut self.observed else {
            return work();
        };
        let mut result = None;
        observed.within(&mut || result = Some(work()));
        match result {
            Some(result) => result,
            // Observers call it; the work is not theirs to leave out.
            None => work(),
        }
    }

    /// Runs `work` within what observes the attempt.
    pub(super) async fn scope<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|cx| self.within(|| work.as_mut().poll(cx))).await
    }

    /// It was handled, and is acked next.
    pub(super) fn handled(self) {
        self.end(&AttemptEnd::Handled);
    }

    /// It was not finished, and the message comes again.
    pub(super) fn released(self) {
        self.end(&AttemptEnd::Released);
    }

    /// It failed, and `nack` says so to the broker next.
    pub(super) fn failed(mut self, nack: &Nack) {
        // The broker decides by the same numbers, so this is what becomes of the message.
        let is_dead = nack.requeue == Requeue::Never || self.number >= self.allowed;
        let (topic, group) = (self.topic.clone(), self.group.clone());
        let (id, attempt) = (self.id, self.number);
        let (reason, outcome, error) = (nack.reason, nack.outcome, &nack.error);
        self.within(|| match is_dead {
            true => tracing::warn!(
                target: TARGET, %topic, %group, %id, attempt, %reason, %error, "dead letter"
            ),
            false => tracing::debug!(
                target: TARGET, %topic, %group, %id, attempt, %outcome, %error, "attempt failed"
            ),
        });
        self.end(&match is_dead {
            true => AttemptEnd::DeadLettered(nack),
            false => AttemptEnd::Retried(nack),
        });
    }

    fn end(self, ended: &AttemptEnd<'_>) {
        if let Some(observed) = self.observed {
            observed.end(ended);
        }
    }
}
