//! Keeps a subscription's buffer full and its leases alive.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Shared;
use crate::backoff::Backoff;
use crate::{BoxSource, Settled, Settler, Source, Token};

pub(super) async fn run(source: BoxSource, shared: Arc<Shared>) {
    // Dropped as soon as the intake stops, so that the group sees the member leave.
    let mut source = Some(source);
    let beat = shared.options.lease / 3;
    let mut heartbeat = interval_at(Instant::now() + beat, beat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut backoff = Backoff::default();
    let mut buf = Vec::new();
    loop {
        let room = {
            let state = shared.state();
            if state.closing || state.ended {
                source = None;
                if state.held.is_empty() {
                    return;
                }
            }
            shared.options.prefetch.saturating_sub(state.ready.len())
        };
        tokio::select! {
            biased;
            () = shared.pump.notified() => {}
            _ = heartbeat.tick() => renew(&shared).await,
            received = recv(&mut source, &mut buf, room), if source.is_some() && room > 0 => {
                match received {
                    Ok(_) => backoff.reset(),
                    Err(error) if error.is_transient() => {
                        tracing::warn!(%error, "receive failed; trying again");
                        tokio::select! {
                            () = backoff.wait() => {}
                            () = shared.pump.notified() => {}
                        }
                    }
                    Err(error) => {
                        let mut state = shared.state();
                        state.failed = Some(error);
                        state.ended = true;
                    }
                }
                hand_over(&shared, &mut buf).await;
            }
        }
    }
}

async fn recv(
    source: &mut Option<BoxSource>,
    buf: &mut Vec<crate::Received>,
    room: usize,
) -> glmsg_core::Result<crate::Intake> {
    match source {
        Some(source) => source.recv(buf, room).await,
        None => std::future::pending().await,
    }
}

async fn hand_over(shared: &Shared, buf: &mut Vec<crate::Received>) {
    let (waker, late) = {
        let mut state = shared.state();
        // What arrives while the user is closing goes straight back.
        let late: Vec<Token> = match state.closing {
            true => buf.drain(..).map(|r| r.token).collect(),
            false => Vec::new(),
        };
        state.ready.extend(buf.drain(..));
        (state.waker.take(), late)
    };
    if let Some(waker) = waker {
        waker.wake();
    }
    if !late.is_empty() {
        drop(shared.settler.release(&late).await);
    }
}

async fn renew(shared: &Shared) {
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
