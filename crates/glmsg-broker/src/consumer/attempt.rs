//! One attempt at one message: from a handler's end to what is asked of the broker.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use glmsg_core::{AttemptOutcome, DeadLetterReason, ErrorKind, MessageId, clean_error_text};

use super::shared::{Outcomes, Shared};
use crate::observer::within;
use crate::{AttemptEnd, HandlerError, Nack, Observed, Received, Requeue, Token, Verdict};

/// How a handler ended.
pub(super) enum Ended {
    Returned(Result<(), HandlerError>),
    Panicked(Box<dyn Any + Send>),
    TimedOut,
    /// The drain's time was up.
    Stopped,
}

/// Why a message must not reach the handler, if so.
pub(super) fn refuse(shared: &Shared, received: &Received) -> Option<Nack> {
    let allowed = shared
        .settings
        .retry
        .attempts_of(received.message.max_attempts());
    if received.attempt > allowed {
        let text = received.history.last().map_or("", |a| &a.error);
        let reason = DeadLetterReason::MaxRetries;
        return Some(Nack::reject(received.token, reason, text));
    }
    if shared.settings.verify {
        // A signed message is for the handler to verify, who has the keys; see `Message::verify`.
        let error = received.message.verify().err();
        let error = error.filter(|e| e.kind() == ErrorKind::Codec)?;
        let reason = DeadLetterReason::BadProvenance;
        return Some(Nack::reject(received.token, reason, &error.to_string()));
    }
    None
}

/// What is known of an attempt besides how it ended.
#[derive(Clone, Copy)]
pub(super) struct Attempted {
    pub(super) token: Token,
    pub(super) id: MessageId,
    /// Which attempt it was.
    pub(super) number: u32,
    /// How many there may be.
    pub(super) allowed: u32,
}

/// Asks for what `ended` means for the message.
pub(super) fn conclude(
    shared: &Shared,
    attempted: Attempted,
    ended: Ended,
    mut observed: Option<Box<dyn Observed>>,
    done: &mut Outcomes,
) {
    let Attempted {
        token,
        id,
        number: attempt,
        allowed,
    } = attempted;
    let counters = &shared.counters;
    let error = match ended {
        Ended::Returned(Ok(())) => {
            done.acks.push(token);
            return end(observed, &AttemptEnd::Handled);
        }
        Ended::Stopped => {
            counters.stopped.fetch_add(1, Ordering::Relaxed);
            done.releases.push(token);
            return end(observed, &AttemptEnd::Released);
        }
        Ended::Returned(Err(error)) if error.has_timed_out() => {
            counters.timed_out.fetch_add(1, Ordering::Relaxed);
            (AttemptOutcome::TimedOut, error)
        }
        Ended::Returned(Err(error)) => (AttemptOutcome::Failed, error),
        Ended::Panicked(panic) => {
            counters.panicked.fetch_add(1, Ordering::Relaxed);
            (
                AttemptOutcome::Panicked,
                no_verdict(&panic_text(panic.as_ref())),
            )
        }
        Ended::TimedOut => {
            counters.timed_out.fetch_add(1, Ordering::Relaxed);
            let text = "the handler did not finish within its time-out";
            (AttemptOutcome::TimedOut, no_verdict(text))
        }
    };
    let (outcome, error) = error;
    let text = error.to_string();
    let retry = &shared.settings.retry;
    // The classification is the user's code; if it panics, the message is tried again.
    let verdict = catch_unwind(AssertUnwindSafe(|| retry.verdict(&error)));
    let nack = match verdict.unwrap_or(Verdict::Retry) {
        Verdict::Release => {
            done.releases.push(token);
            return end(observed, &AttemptEnd::Released);
        }
        Verdict::Reject => {
            Nack::reject(token, error.reason(), &text).outcome(AttemptOutcome::Rejected)
        }
        // The policy may allow fewer attempts than the message does.
        _ if attempt >= allowed => {
            Nack::reject(token, DeadLetterReason::MaxRetries, &text).outcome(outcome)
        }
        Verdict::Retry => Nack::retry(token, retry.delay(attempt), &text).outcome(outcome),
        Verdict::RetryAfter(delay) => Nack::retry(token, delay, &text).outcome(outcome),
    };
    counters.failed(1);
    let (topic, group) = (&shared.options.topic, &shared.options.group);
    let error = clean_error_text(&text);
    // The backend decides by the same numbers, so this is what becomes of the message.
    let is_dead = nack.requeue == Requeue::Never || attempt >= allowed;
    within(&mut observed, (), || {
        if is_dead {
            let reason = nack.reason;
            tracing::warn!(%topic, %group, %id, attempt, %reason, %error, "dead letter");
        } else {
            tracing::debug!(%topic, %group, %id, attempt, %outcome, %error, "attempt failed");
        }
    });
    let ended = match is_dead {
        true => AttemptEnd::DeadLettered(&nack),
        false => AttemptEnd::Retried(&nack),
    };
    end(observed, &ended);
    done.nacks.push(nack);
}

fn end(observed: Option<Box<dyn Observed>>, ended: &AttemptEnd<'_>) {
    if let Some(observed) = observed {
        observed.end(ended);
    }
}

/// Panics and time-outs are classified like any error.
fn no_verdict(text: &str) -> HandlerError {
    HandlerError::unclassified(text)
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    match text {
        Some(text) => format!("the handler panicked: {text}"),
        None => "the handler panicked".into(),
    }
}
