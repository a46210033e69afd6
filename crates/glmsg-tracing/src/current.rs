//! The trace that this task works in, where no tracer keeps it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;

use crate::TraceContext;

thread_local! {
    static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

/// While it lives, [`TraceContext::current`] on this thread is what was entered.
#[derive(Debug)]
#[must_use = "the context is left when this is dropped"]
pub struct Entered {
    before: Option<TraceContext>,
    /// It belongs to its thread.
    _thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

impl TraceContext {
    /// What this task works in: that of the message that a handler handles, or what was
    /// [entered](Self::enter). Messages published meanwhile carry it on.
    ///
    /// Where spans are exported, the exporter's span goes before it.
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// Makes it the current one of this thread, until what is returned is dropped. Not across an
    /// `await`: that is what [`scope`](Self::scope) is for.
    pub fn enter(self) -> Entered {
        Entered {
            before: CURRENT.replace(Some(self)),
            _thread: PhantomData,
        }
    }

    /// Runs `work` with this as the current one, for instance what a request asks for that came
    /// with a `traceparent`.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use glmsg_broker::{Broker, BrokerExt, Layer};
    /// use glmsg_core::Message;
    /// use glmsg_memory::{MemoryBroker, MemoryConfig};
    /// use glmsg_tracing::{TraceContext, TracingLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> glmsg_core::Result<()> {
    /// # let memory = MemoryBroker::new(MemoryConfig::default());
    /// let broker = TracingLayer::new().layer(Arc::new(memory));
    /// let request: TraceContext =
    ///     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
    /// // The message carries the request's trace.
    /// request.scope(broker.send(Message::new("flights", "DTW-LAS")?)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|cx| {
            let _entered = self.enter();
            work.as_mut().poll(cx)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_current_before_is_so_again() {
        let (outer, inner) = (TraceContext::generate(true), TraceContext::generate(true));
        assert_eq!(TraceContext::current(), None);
        {
            let _outer = outer.enter();
            {
                let _inner = inner.enter();
                assert_eq!(TraceContext::current(), Some(inner));
            }
            assert_eq!(TraceContext::current(), Some(outer));
        }
        assert_eq!(TraceContext::current(), None);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn tasks_that_take_turns_keep_their_own() {
        let look = |context: TraceContext| {
            context.scope(async move {
                for _ in 0..3 {
                    assert_eq!(TraceContext::current(), Some(context));
                    tokio::task::yield_now().await;
                }
            })
        };
        tokio::join!(
            look(TraceContext::generate(true)),
            look(TraceContext::generate(false))
        );
        assert_eq!(TraceContext::current(), None);
    }
}
