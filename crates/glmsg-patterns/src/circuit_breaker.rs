//! Calls to something that may be down, let through or not.

mod builder;
mod consumer;
mod error;
mod event;
mod machine;
mod metrics;
mod permit;
#[cfg(test)]
mod tests;
#[cfg(feature = "tower")]
mod tower;
mod window;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glmsg_broker::Gate;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

pub use builder::CircuitBreakerBuilder;
pub use consumer::GuardedConsumer;
pub use error::{CircuitBreakerError, CircuitOpen};
pub use event::{CircuitCause, CircuitEvent, CircuitState};
pub use metrics::CircuitBreakerMetrics;
pub use permit::{CallOutcome, CircuitPermit};
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use tower::{
    CircuitBreakerFuture, CircuitBreakerLayer, CircuitBreakerService, ClassifyCall, ErrIsFailure,
};
pub use window::SlidingWindow;

use machine::Machine;

/// How many events wait for a receiver that is slow; then it misses the oldest.
const EVENTS: usize = 64;

/// Stops calling what is down, and finds out by a few calls when it is back.
///
/// - **Closed**, it lets every call through and watches how they end. So many failures in a row
///   open it (default: 5), or a share of failures in a [`SlidingWindow`], if one is set.
/// - **Open**, it refuses every call at once with [`CircuitBreakerError::Open`], until its time-out
///   has passed (default: 60 s, by a clock that never goes back).
/// - **Half open**, it lets a few calls through as probes (default: 3) and refuses the others. If all
///   of them succeed it closes; the first that fails opens it again. A probe that is dropped before
///   it ends gives its place back; one of which nothing is heard for the length of the time-out
///   loses it.
///
/// Only what belongs to the present state counts: the result of a call that began before the last
/// change is ignored.
///
/// How a call's end counts is the caller's to say ([`call_with`](Self::call_with)); by default `Err`,
/// a panic and the breaker's own [`call_timeout`](CircuitBreakerBuilder::call_timeout) are failures.
/// A call that is dropped counts as nothing, unless it was
/// [slow](CircuitBreakerBuilder::slow_call) by then.
///
/// It stands before functions ([`call`](Self::call)), before consumers
/// ([`consumer`](Self::consumer)), and with the feature `tower` before services
/// (`CircuitBreakerLayer`). A clone is the same breaker; its state is this process's own.
///
/// ```
/// use glmsg_patterns::circuit_breaker::{CircuitBreaker, CircuitBreakerError, CircuitState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> glmsg_core::Result<()> {
/// let breaker = CircuitBreaker::builder("prices").failure_threshold(2).build()?;
/// for _ in 0..2 {
///     let failed = breaker.call(|| async { Err::<(), _>("no route") }).await;
///     assert!(matches!(failed, Err(CircuitBreakerError::Call("no route"))));
/// }
/// assert_eq!(breaker.state(), CircuitState::Open);
/// let refused = breaker.call(|| async { Ok::<_, &str>(17) }).await;
/// assert!(refused.unwrap_err().retry_after().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CircuitBreaker(Arc<Inner>);

struct Inner {
    machine: Mutex<Machine>,
    events: broadcast::Sender<CircuitEvent>,
    state: watch::Sender<CircuitState>,
    /// Something changed for who waits for a place.
    pulse: watch::Sender<()>,
    gate: Gate,
    /// Opens the gate when the time-out has passed and nobody calls.
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl CircuitBreaker {
    /// A breaker with defaults: five failures in a row open it for 60 s, three probes close it. The
    /// name stands in its events, errors and logs.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self::with(Machine::new(builder::Settings::named(name.into())))
    }

    /// Sets up a breaker.
    pub fn builder(name: impl Into<Arc<str>>) -> CircuitBreakerBuilder {
        CircuitBreakerBuilder::new(name.into())
    }

    fn with(machine: Machine) -> Self {
        Self(Arc::new(Inner {
            machine: Mutex::new(machine),
            events: broadcast::Sender::new(EVENTS),
            state: watch::Sender::new(CircuitState::Closed),
            pulse: watch::Sender::new(()),
            gate: Gate::new(),
            keeper: Mutex::default(),
        }))
    }

    /// Calls `operation`, if the breaker lets it through; `Err` counts as a failure.
    ///
    /// # Errors
    /// `Open` if it was not called, `TimedOut` if it was given up, `Call` with its own error.
    ///
    /// # Cancel safety
    /// Dropping the future drops the operation, and gives a probe's place back.
    pub async fn call<T, E, F, Fut>(&self, operation: F) -> Result<T, CircuitBreakerError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let by_result = |result: &Result<T, E>| match result {
            Ok(_) => CallOutcome::Success,
            Err(_) => CallOutcome::Failure,
        };
        self.call_with(by_result, operation).await
    }

    /// Calls `operation`, if the breaker lets it through; `classify` says how its end counts.
    ///
    /// ```
    /// # use glmsg_patterns::circuit_breaker::{CallOutcome, CircuitBreaker};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # enum HttpError { NotFound, Unreachable }
    /// # async fn fetch() -> Result<String, HttpError> { Err(HttpError::NotFound) }
    /// let breaker = CircuitBreaker::new("catalogue");
    /// let found = breaker.call_with(
    ///     |result| match result {
    ///         // It is there, and answered.
    ///         Ok(_) | Err(HttpError::NotFound) => CallOutcome::Success,
    ///         Err(HttpError::Unreachable) => CallOutcome::Failure,
    ///     },
    ///     fetch,
    /// );
    /// # assert!(found.await.is_err());
    /// # assert_eq!(breaker.metrics().successes, 1);
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// As [`call`](Self::call).
    pub async fn call_with<T, E, F, Fut, C>(
        &self,
        classify: C,
        operation: F,
    ) -> Result<T, CircuitBreakerError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        C: FnOnce(&Result<T, E>) -> CallOutcome,
    {
        let permit = self.try_acquire().map_err(CircuitBreakerError::Open)?;
        let limit = self.0.machine().settings.call_timeout;
        let result = match limit {
            None => operation().await,
            Some(limit) => match timeout(limit, operation()).await {
                Ok(result) => result,
                Err(_) => {
                    permit.timed_out();
                    return Err(CircuitBreakerError::TimedOut(limit));
                }
            },
        };
        permit.settle(classify(&result));
        result.map_err(CircuitBreakerError::Call)
    }

    /// Leave for one call, to be settled by hand.
    ///
    /// # Errors
    /// That it is open, or half open with all places for probes taken.
    pub fn try_acquire(&self) -> Result<CircuitPermit, CircuitOpen> {
        let now = Instant::now();
        let admitted = self.0.change(now, |machine| machine.admit(now));
        admitted.map(|generation| CircuitPermit::new(self.clone(), generation, now))
    }

    /// Leave for one call. While it is half open and all places for probes are taken, this waits for
    /// a place, or for the probes to decide.
    ///
    /// # Errors
    /// That it is open.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn acquire(&self) -> Result<CircuitPermit, CircuitOpen> {
        loop {
            let mut pulse = self.0.pulse.subscribe();
            let refused = match self.try_acquire() {
                Ok(permit) => return Ok(permit),
                Err(refused) => refused,
            };
            if refused.state() == CircuitState::Open {
                return Err(refused);
            }
            // Places that are lost are found lost by who asks.
            let again = Instant::now() + refused.retry_after();
            tokio::select! {
                _ = pulse.changed() => {}
                () = sleep_until(again) => {}
            }
        }
    }

    /// Its name.
    pub fn name(&self) -> Arc<str> {
        self.0.machine().settings.name.clone()
    }

    /// Its state now. An open breaker whose time-out has passed is half open.
    pub fn state(&self) -> CircuitState {
        self.0.change(Instant::now(), |machine| machine.state())
    }

    /// Opens it until [`reset`](Self::reset), whatever calls do.
    pub fn force_open(&self) {
        let now = Instant::now();
        self.0.change(now, |machine| machine.force_open(now));
    }

    /// Closes it, with nothing counted.
    pub fn reset(&self) {
        let now = Instant::now();
        self.0.change(now, |machine| machine.reset(now));
    }

    /// Every change of state from now on. A receiver that is slow misses the oldest, and is told how
    /// many. Changes are also logged by `tracing`.
    pub fn events(&self) -> broadcast::Receiver<CircuitEvent> {
        self.0.events.subscribe()
    }

    /// The state, to be waited for. It changes when somebody calls or looks, and by itself where a
    /// consumer stands behind the breaker.
    pub fn watch(&self) -> watch::Receiver<CircuitState> {
        self.0.state.subscribe()
    }

    /// What it has counted.
    pub fn metrics(&self) -> CircuitBreakerMetrics {
        let now = Instant::now();
        self.0.change(now, |machine| machine.metrics(now))
    }

    /// The gate that is closed while the breaker is open, and lets in as many messages as there are
    /// probes while it is half open. [`consumer`](Self::consumer) puts it before a consumer.
    ///
    /// Must be called within a tokio runtime.
    pub fn gate(&self) -> Gate {
        let mut keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if keeper.as_ref().is_none_or(JoinHandle::is_finished) {
            *keeper = Some(tokio::spawn(keep(Arc::downgrade(&self.0))));
        }
        self.0.gate.clone()
    }
}

impl Inner {
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the machine at `now`, and tells what has changed. All of it is one step for
    /// others, so that they hear of changes in their order.
    fn change<T>(&self, now: Instant, f: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.machine();
        machine.look(now);
        let result = f(&mut machine);
        for event in std::mem::take(&mut machine.events) {
            match event.to {
                CircuitState::Closed => self.gate.open(),
                CircuitState::Open => self.gate.close(),
                CircuitState::HalfOpen => self.gate.limit_to(event.probes),
            }
            event.log();
            self.state.send_replace(event.to);
            // Nobody may listen.
            drop(self.events.send(event));
            machine.pulse = true;
        }
        if std::mem::take(&mut machine.pulse) {
            self.pulse.send_replace(());
        }
        result
    }
}

/// Looks at the breaker when its time-out has passed, for as long as it is there.
async fn keep(breaker: std::sync::Weak<Inner>) {
    loop {
        let Some(inner) = breaker.upgrade() else {
            return;
        };
        let mut pulse = inner.pulse.subscribe();
        let at = inner.change(Instant::now(), |machine| machine.looks_at());
        drop(inner);
        let changed = match at {
            None => pulse.changed().await,
            Some(at) => tokio::select! {
                () = sleep_until(at) => Ok(()),
                changed = pulse.changed() => changed,
            },
        };
        if changed.is_err() {
            return;
        }
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.0.machine();
        f.debug_struct("CircuitBreaker")
            .field("name", &machine.settings.name)
            .field("state", &machine.state())
            .finish_non_exhaustive()
    }
}
