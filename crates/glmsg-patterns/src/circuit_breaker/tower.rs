//! The breaker before a `tower` service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use tower_layer::Layer;
use tower_service::Service;

use super::{CallOutcome, CircuitBreaker, CircuitBreakerError, CircuitOpen, CircuitPermit};

/// Says how the end of a call counts. Every `Fn(&Result<T, E>) -> CallOutcome` does.
pub trait ClassifyCall<T, E> {
    /// How `result` counts.
    fn classify(&self, result: &Result<T, E>) -> CallOutcome;
}

/// `Err` is a failure.
#[derive(Debug, Clone, Copy, Default)]
pub struct ErrIsFailure;

impl<T, E> ClassifyCall<T, E> for ErrIsFailure {
    fn classify(&self, result: &Result<T, E>) -> CallOutcome {
        match result {
            Ok(_) => CallOutcome::Success,
            Err(_) => CallOutcome::Failure,
        }
    }
}

impl<T, E, F: Fn(&Result<T, E>) -> CallOutcome> ClassifyCall<T, E> for F {
    fn classify(&self, result: &Result<T, E>) -> CallOutcome {
        self(result)
    }
}

/// Puts a [`CircuitBreaker`] before a `tower` service. The services of one layer share the breaker;
/// so do all layers made of its clones.
///
/// The service's error becomes a [`CircuitBreakerError`] of it. An open breaker does not make the
/// service unready: it answers calls with `Open`, at once.
///
/// ```
/// use glmsg_patterns::circuit_breaker::{CallOutcome, CircuitBreaker, CircuitBreakerLayer};
/// use tower_layer::Layer as _;
/// # struct Client;
/// # struct Response { status: u16 }
/// # struct Unreachable;
///
/// // A client that answers `Ok` with a status.
/// let layer = CircuitBreakerLayer::new(CircuitBreaker::new("payments")).classify(
///     |result: &Result<Response, Unreachable>| match result {
///         Ok(response) if response.status < 500 => CallOutcome::Success,
///         _ => CallOutcome::Failure,
///     },
/// );
/// let service = layer.layer(Client);
/// ```
#[derive(Debug, Clone)]
pub struct CircuitBreakerLayer<C = ErrIsFailure> {
    breaker: CircuitBreaker,
    classify: C,
}

impl CircuitBreakerLayer {
    /// The layer of `breaker`, with `Err` as the failures.
    pub fn new(breaker: CircuitBreaker) -> Self {
        Self {
            breaker,
            classify: ErrIsFailure,
        }
    }
}

impl<C> CircuitBreakerLayer<C> {
    /// The same, where `classify` says how an end counts.
    pub fn classify<N>(self, classify: N) -> CircuitBreakerLayer<N> {
        CircuitBreakerLayer {
            breaker: self.breaker,
            classify,
        }
    }
}

impl<S, C: Clone> Layer<S> for CircuitBreakerLayer<C> {
    type Service = CircuitBreakerService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService {
            inner,
            breaker: self.breaker.clone(),
            classify: self.classify.clone(),
        }
    }
}

/// A service behind a breaker; see [`CircuitBreakerLayer`].
#[derive(Debug, Clone)]
pub struct CircuitBreakerService<S, C = ErrIsFailure> {
    inner: S,
    breaker: CircuitBreaker,
    classify: C,
}

impl<S, C, R> Service<R> for CircuitBreakerService<S, C>
where
    S: Service<R>,
    C: ClassifyCall<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = CircuitBreakerError<S::Error>;
    type Future = CircuitBreakerFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(CircuitBreakerError::Call)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let permit = match self.breaker.try_acquire() {
            Ok(permit) => permit,
            Err(open) => return CircuitBreakerFuture(State::Refused(Some(open))),
        };
        let limit = permit.limit();
        CircuitBreakerFuture(State::Called(Called {
            call: Box::pin(self.inner.call(request)),
            classify: self.classify.clone(),
            limit: limit.map(|limit| (limit, Box::pin(sleep(limit)))),
            permit: Some(permit),
        }))
    }
}

/// A call of a [`CircuitBreakerService`]. Dropping it gives a probe's place back.
#[must_use = "futures do nothing unless they are awaited"]
pub struct CircuitBreakerFuture<F, C>(State<F, C>);

enum State<F, C> {
    Refused(Option<CircuitOpen>),
    Called(Called<F, C>),
}

struct Called<F, C> {
    call: Pin<Box<F>>,
    classify: C,
    limit: Option<(Duration, Pin<Box<Sleep>>)>,
    /// `None` when it has ended.
    permit: Option<CircuitPermit>,
}

// What must not move is in boxes.
impl<F, C> Unpin for CircuitBreakerFuture<F, C> {}

impl<F, C, T, E> Future for CircuitBreakerFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: ClassifyCall<T, E>,
{
    type Output = Result<T, CircuitBreakerError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let called = match &mut self.0 {
            State::Refused(open) => {
                return match open.take() {
                    Some(open) => Poll::Ready(Err(CircuitBreakerError::Open(open))),
                    // It was polled after its end.
                    None => Poll::Pending,
                };
            }
            State::Called(called) => called,
        };
        if let Poll::Ready(result) = called.call.as_mut().poll(cx) {
            if let Some(permit) = called.permit.take() {
                permit.settle(called.classify.classify(&result));
            }
            return Poll::Ready(result.map_err(CircuitBreakerError::Call));
        }
        let Some((limit, sleep)) = &mut called.limit else {
            return Poll::Pending;
        };
        ready!(sleep.as_mut().poll(cx));
        if let Some(permit) = called.permit.take() {
            permit.timed_out();
        }
        Poll::Ready(Err(CircuitBreakerError::TimedOut(*limit)))
    }
}

impl<F, C> fmt::Debug for CircuitBreakerFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CircuitBreakerFuture")
    }
}
