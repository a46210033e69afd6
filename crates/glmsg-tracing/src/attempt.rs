//! A consumer's attempts: the span that a handler runs in, and what follows from a failure.

use std::sync::Arc;

use glmsg_broker::{AttemptEnd, Nack, Observed, Observer, Received, Requeue};
use glmsg_core::{GroupName, Message};
use tracing::Span;

use crate::span::{self, Failed};
use crate::{Relation, TraceContext, carrier};

#[derive(Debug)]
pub(crate) struct Attempts {
    pub(crate) relation: Relation,
    /// Of a layer below, which is not to be left out.
    pub(crate) before: Option<Arc<dyn Observer>>,
}

impl Observer for Attempts {
    fn begin(&self, group: &GroupName, received: &Received) -> Option<Box<dyn Observed>> {
        let before = self.before.as_ref();
        let before = before.and_then(|before| before.begin(group, received));
        let (message, attempt) = (&received.message, received.attempt);
        let creation = TraceContext::of(message);
        let span = span::process(self.relation, creation, group, message, attempt);
        if span.is_disabled() && creation.is_none() {
            return before;
        }
        let own = match span.is_disabled() {
            true => None,
            false => carrier::context_of(&span),
        };
        Some(Box::new(Attempt {
            before,
            // A service that exports nothing passes on what it was given.
            context: own.or(creation),
            creation,
            span,
            message: message.clone(),
            group: group.clone(),
            number: attempt,
        }))
    }
}

struct Attempt {
    before: Option<Box<dyn Observed>>,
    span: Span,
    context: Option<TraceContext>,
    creation: Option<TraceContext>,
    message: Message,
    group: GroupName,
    number: u32,
}

impl Attempt {
    /// A retry or a dead letter: under the attempt, and linked to what made the message.
    fn follow(&self, nack: &Nack, make: impl FnOnce(&Failed<'_>) -> Span) {
        if self.span.is_disabled() {
            return;
        }
        let outcome = nack.outcome.as_str();
        span::fail_as(&self.span, outcome);
        let span = self.span.in_scope(|| {
            make(&Failed {
                message: &self.message,
                group: &self.group,
                attempt: self.number,
                outcome,
            })
        });
        if let Some(creation) = self.creation {
            carrier::link(&span, creation);
        }
    }
}

impl Observed for Attempt {
    fn within(&mut self, work: &mut dyn FnMut()) {
        let _span = self.span.enter();
        let _context = self.context.map(TraceContext::enter);
        match &mut self.before {
            Some(before) => before.within(work),
            None => work(),
        }
    }

    fn end(mut self: Box<Self>, ended: &AttemptEnd<'_>) {
        match ended {
            AttemptEnd::Retried(nack) => self.follow(nack, |failed| {
                let delay = match nack.requeue {
                    Requeue::After(delay) => delay,
                    Requeue::Never => std::time::Duration::ZERO,
                };
                span::retry(failed, delay)
            }),
            AttemptEnd::DeadLettered(nack) => self.follow(nack, |failed| {
                span::dead_letter(failed, nack.reason.as_str())
            }),
            _ => {}
        }
        if let Some(before) = self.before.take() {
            before.end(ended);
        }
    }
}
