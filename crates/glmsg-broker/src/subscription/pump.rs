//! Keeps a subscription's buffer full and its leases alive.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use glmsg_core::Result;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::Shared;
use crate::backoff::Backoff;
use crate::{BoxSource, Intake, Received, Settled, Settler, Source, Token};

/// So few messages go to the user before anything else is done, the next receive included.
const FEW: usize = 16;

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Receipt = (BoxSource, Vec<Received>, Result<Intake>);

pub(super) async fn run(source: BoxSource, shared: Arc<Shared>) {
    let mut source = Some(source);
    // A receive under way is never given up for room alone, so that nothing it has taken waits
    // unseen; dropping it with its source gives that back and leaves the group.
    let mut receiving: Option<Task<Receipt>> = None;
    // Beside the receive, which may take acks along that somebody waits for.
    let mut renewing: Option<Task<()>> = None;
    let beat = shared.options.lease / 3;
    let mut heartbeat = interval_at(Instant::now() + beat, beat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut backoff = Backoff::default();
    let mut resume_at = Instant::now();
    loop {
        let room = {
            let state = shared.state();
            if state.closing || state.ended {
                (source, receiving) = (None, None);
                if state.held.is_empty() {
                    return;
                }
            }
            let (waiting, prefetch) = (state.ready.len(), shared.options.prefetch);
            let room = prefetch.saturating_sub(waiting);
            // Small refills cost as much as large ones.
            if waiting > 0 && room < prefetch / 2 {
                0
            } else {
                room
            }
        };
        let is_due = resume_at <= Instant::now();
        if let Some(source) = source.take_if(|_| room > 0 && is_due) {
            receiving = Some(Box::pin(receive(source, room)));
        }
        tokio::select! {
            biased;
            () = shared.pump.notified() => {}
            _ = heartbeat.tick(), if renewing.is_none() => {
                renewing = Some(Box::pin(renew(Arc::clone(&shared))));
            }
            () = finish(&mut renewing) => renewing = None,
            (back, buf, received) = finish(&mut receiving) => {
                (source, receiving) = (Some(back), None);
                match received {
                    Ok(_) => backoff.reset(),
                    Err(error) if error.is_transient() => {
                        tracing::warn!(%error, "receive failed; trying again");
                        resume_at = Instant::now() + backoff.next();
                    }
                    Err(error) => {
                        let mut state = shared.state();
                        state.failed = Some(error);
                        state.ended = true;
                    }
                }
                let few = (1..=FEW).contains(&buf.len());
                hand_over(&shared, buf).await;
                if few {
                    tokio::task::yield_now().await;
                }
            }
            () = sleep_until(resume_at), if !is_due => {}
        }
    }
}

async fn receive(mut source: BoxSource, room: usize) -> Receipt {
    let mut buf = Vec::new();
    let received = source.recv(&mut buf, room).await;
    (source, buf, received)
}

async fn finish<T>(task: &mut Option<Task<T>>) -> T {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

async fn hand_over(shared: &Shared, buf: Vec<Received>) {
    let (waker, late) = {
        let mut state = shared.state();
        // What arrives while the user is closing goes straight back.
        let mut late: Vec<Token> = Vec::new();
        if state.closing {
            late.extend(buf.iter().map(|r| r.token));
        } else {
            state.ready.extend(buf);
        }
        (state.waker.take(), late)
    };
    if let Some(waker) = waker {
        waker.wake();
    }
    if !late.is_empty() {
        drop(shared.settler.release(&late).await);
    }
}

async fn renew(shared: Arc<Shared>) {
    let tokens: Vec<Token> = {
        let state = shared.state();
        let buffered = state.ready.iter().map(|r| r.token);
        buffered.chain(state.held.iter().copied()).collect()
    };
    if tokens.is_empty() {
        return;
    }
    match shared.settler.extend(&tokens, shared.options.lease).await {
        Ok(settled) => {
            let lost = tokens
                .iter()
                .zip(settled)
                .filter(|(_, s)| *s == Settled::Stale);
            let lost: HashSet<Token> = lost.map(|(t, _)| *t).collect();
            if !lost.is_empty() {
                // Somebody else has these by now; handing them out would only double the work.
                shared.state().ready.retain(|r| !lost.contains(&r.token));
            }
        }
        // The next beat tries again; two of three may fail before a lease is lost.
        Err(error) => tracing::warn!(%error, "leases could not be renewed"),
    }
}
