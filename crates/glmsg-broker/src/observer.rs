//! Who sees a consumer's attempts from outside.

use std::fmt;

use glmsg_core::GroupName;

use crate::{Nack, Received};

/// Sees each attempt of a [`Consumer`](crate::Consumer) begin and end, and runs what the handler
/// does within something of its own, such as a span. A layer gives one to the consumers of its
/// broker by [`Backend::observer`](crate::Backend::observer).
pub trait Observer: Send + Sync + fmt::Debug + 'static {
    /// An attempt of `group` at `received` begins; `None` if it is of no interest.
    ///
    /// It is called for every message, so it should not cost more than it must.
    fn begin(&self, group: &GroupName, received: &Received) -> Option<Box<dyn Observed>>;
}

/// One attempt, as an [`Observer`] sees it.
pub trait Observed: Send {
    /// Calls `work` exactly once: the handler, each time it is polled or dropped, and what the
    /// runtime says about the attempt.
    fn within(&mut self, work: &mut dyn FnMut());

    /// The attempt has ended; the broker is told of it later.
    fn end(self: Box<Self>, ended: &AttemptEnd<'_>);
}

/// How an attempt ended.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd<'a> {
    /// It was handled, and is acked next.
    Handled,
    /// It was given back, and does not count.
    Released,
    /// It failed, and comes again.
    Retried(&'a Nack),
    /// It failed for good, and becomes a dead letter.
    DeadLettered(&'a Nack),
}

/// Runs `work` within `observed`, if there is one; `otherwise` is for one that does not call it.
pub(crate) fn within<R>(
    observed: &mut Option<Box<dyn Observed>>,
    otherwise: R,
    work: impl FnOnce() -> R,
) -> R {
    let Some(observed) = observed else {
        return work();
    };
    let (mut work, mut result) = (Some(work), otherwise);
    observed.within(&mut || {
        if let Some(work) = work.take() {
            result = work();
        }
    });
    result
}
