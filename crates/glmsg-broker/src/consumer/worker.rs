//! A worker: takes messages and runs the handler, one at a time.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{Either, select};

use super::attempt::{Attempted, Ended, conclude, refuse};
use super::shared::{Outcomes, Shared};
use crate::observer::within;
use crate::{AttemptEnd, Handler, Incoming, Observed, Received};

/// A chunk whose handlers run longer than this in all is given to other workers.
const QUICK: Duration = Duration::from_millis(1);

pub(super) async fn run<H: Handler>(shared: Arc<Shared>, index: usize, handler: Arc<H>) {
    let mut guard = Guard {
        shared: &shared,
        index,
        ended: false,
    };
    let progress = shared.state().progress[index].clone();
    let mut done = Outcomes::default();
    let mut chunk = VecDeque::new();
    let mut took = Vec::new();
    // Handlers count as quick once one was, until one waits or takes long.
    let mut quick = false;
    let draining = Arc::new(shared.draining.clone());
    while shared.next(index, &mut done, &mut chunk, quick).await {
        let started = Instant::now();
        let mut last = started;
        quick = true;
        while let Some(received) = chunk.pop_front() {
            let incoming = Incoming::new(received, draining.clone());
            let handled = attempt(&shared, index, &*handler, incoming, &mut done, &mut chunk).await;
            progress.handled.fetch_add(1, Relaxed);
            if progress.is_revoked.load(Relaxed) {
                chunk.clear();
            }
            let now = Instant::now();
            if let Handled::Here { waited } = handled {
                took.push(now - last);
                quick &= !waited;
            }
            last = now;
            // What is held back is not begun: the pump gives it back to the group.
            let held_back = shared.limit() != usize::MAX;
            if (held_back || now - started > QUICK) && !chunk.is_empty() {
                quick = false;
                shared.give_back(index, None, &mut done, &mut chunk);
            }
        }
        shared.record_handling(&mut took);
        // A handler that never waits must not keep the runtime's thread to itself.
        tokio::task::consume_budget().await;
    }
    guard.ended = true;
}

/// A panic outside a handler ends a worker; what it held must not be renewed for ever.
struct Guard<'a> {
    shared: &'a Shared,
    index: usize,
    ended: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.bury_worker(self.index);
        }
    }
}

/// What an attempt came to.
enum Handled {
    /// By the handler, which had to be waited for or not.
    Here { waited: bool },
    /// The message was not for the handler.
    Refused,
}

/// Runs the handler for one message.
async fn attempt<H: Handler>(
    shared: &Shared,
    index: usize,
    handler: &H,
    incoming: Incoming,
    done: &mut Outcomes,
    chunk: &mut VecDeque<Received>,
) -> Handled {
    let mut observed = observe(shared, incoming.received());
    if let Some(nack) = refuse(shared, incoming.received()) {
        if let Some(observed) = observed {
            observed.end(&AttemptEnd::DeadLettered(&nack));
        }
        done.nacks.push(nack);
        return Handled::Refused;
    }
    let attempted = Attempted {
        token: incoming.received().token,
        id: incoming.id(),
        number: incoming.attempt(),
        allowed: shared.settings.retry.attempts_of(incoming.max_attempts()),
    };
    // The call itself may panic before there is a future, so it is made inside one.
    let call = AssertUnwindSafe(async { handler.handle(incoming).await }).catch_unwind();
    let mut call = pin!(Some(call));
    let first = poll_fn(|cx| {
        let poll = || match call.as_mut().as_pin_mut() {
            Some(call) => call.poll(cx),
            None => Poll::Pending,
        };
        Poll::Ready(within(&mut observed, Poll::Pending, poll))
    });
    let (mut ended, waited) = match first.await {
        Poll::Ready(result) => (flatten(result), false),
        Poll::Pending => {
            shared.give_back(index, Some(attempted.token), done, chunk);
            // As in `next`: the pump goes before a handler that may block.
            tokio::task::yield_now().await;
            match call.as_mut().as_pin_mut() {
                Some(mut call) => {
                    let call = poll_fn(|cx| {
                        within(&mut observed, Poll::Pending, || call.as_mut().poll(cx))
                    });
                    (wait_for(shared, call).await, true)
                }
                None => (Ended::TimedOut, true),
            }
        }
    };
    // What the handler leaves behind may panic when it is dropped, too.
    let dropped = within(&mut observed, Ok(()), || {
        catch_unwind(AssertUnwindSafe(|| call.set(None)))
    });
    if let Err(panic) = dropped {
        ended = Ended::Panicked(panic);
    }
    conclude(shared, attempted, ended, observed, done);
    Handled::Here { waited }
}

fn observe(shared: &Shared, received: &Received) -> Option<Box<dyn Observed>> {
    let observer = shared.observer.as_ref()?;
    observer.begin(&shared.options.group, received)
}

async fn wait_for(
    shared: &Shared,
    call: impl Future<Output = std::thread::Result<Result<(), crate::HandlerError>>> + Unpin,
) -> Ended {
    let stop = pin!(shared.abort.cancelled());
    let bounded = async {
        match shared.settings.handler_timeout {
            None => flatten(call.await),
            Some(limit) => match tokio::time::timeout(limit, call).await {
                Ok(result) => flatten(result),
                Err(_) => Ended::TimedOut,
            },
        }
    };
    match select(pin!(bounded), stop).await {
        Either::Left((ended, _)) => ended,
        Either::Right(_) => Ended::Stopped,
    }
}

fn flatten(result: std::thread::Result<Result<(), crate::HandlerError>>) -> Ended {
    match result {
        Ok(returned) => Ended::Returned(returned),
        Err(panic) => Ended::Panicked(panic),
    }
}
