//! A step, and how it is undone.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{BoxFuture, HandlerError, RetryPolicy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::StepContext;
use super::context::{decode, encode};

type Action = dyn Fn(StepContext) -> BoxFuture<'static, Result<Value, HandlerError>> + Send + Sync;
type Compensation = dyn Fn(StepContext, Option<Value>) -> BoxFuture<'static, Result<(), HandlerError>>
    + Send
    + Sync;

/// A step of a saga: an action that returns a `T`, and perhaps a compensation that undoes it.
///
/// An action's plain `Err` is tried again by the retry policy, [`HandlerError::reject`] is not; after
/// the last attempt the saga is compensated.
#[must_use = "a step is part of a saga by `SagaDefinition::step`"]
pub struct Step<T> {
    pub(super) inner: StepDefinition,
    output: PhantomData<fn() -> T>,
}

/// A step without its type.
#[derive(Clone)]
pub(super) struct StepDefinition {
    pub(super) name: Arc<str>,
    pub(super) action: Arc<Action>,
    pub(super) compensation: Option<Arc<Compensation>>,
    pub(super) timeout: Duration,
    pub(super) retry: RetryPolicy,
    pub(super) attempts: u32,
    pub(super) undo_retry: RetryPolicy,
    pub(super) undo_attempts: u32,
}

/// Attempts at a step, unless its policy says fewer.
const ATTEMPTS: u32 = 4;
/// Attempts at a compensation, unless its policy says fewer.
const UNDO_ATTEMPTS: u32 = 10;

impl<T> Step<T>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    /// A step of this name, unique in its saga. What `action` returns is kept as JSON, and is there
    /// for later steps and for the compensation.
    pub fn new<F, Fut>(name: impl AsRef<str>, action: F) -> Self
    where
        F: Fn(StepContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, HandlerError>> + Send + 'static,
    {
        let action = move |context: StepContext| -> BoxFuture<'static, _> {
            let running = action(context);
            Box::pin(async move { Ok(encode(&running.await?)?) })
        };
        Self {
            inner: StepDefinition {
                name: name.as_ref().into(),
                action: Arc::new(action),
                compensation: None,
                timeout: Duration::from_secs(30),
                retry: RetryPolicy::default(),
                attempts: ATTEMPTS,
                undo_retry: RetryPolicy::default(),
                undo_attempts: UNDO_ATTEMPTS,
            },
            output: PhantomData,
        }
    }

    /// How it is undone. Default: it need not be.
    ///
    /// The compensation is given what the step returned, or `None` where nobody knows whether the
    /// step did what it does: it timed out, panicked, or was cut off by a crash or a cancellation.
    /// It then looks, or undoes what may not be there.
    pub fn compensate<F, Fut>(mut self, compensation: F) -> Self
    where
        F: Fn(StepContext, Option<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let compensation = move |context: StepContext, output: Option<Value>| {
            let running = output
                .map(|output| decode(&output))
                .transpose()
                .map(|output| compensation(context, output));
            let running: BoxFuture<'static, _> = Box::pin(async move { running?.await });
            running
        };
        self.inner.compensation = Some(Arc::new(compensation));
        self
    }

    /// How long an attempt may take, at the step or its compensation. Default: 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.inner.timeout = timeout;
        self
    }

    /// When a failed attempt is made again. Default: [`RetryPolicy::default`], at most 4 attempts in
    /// all; [`max_attempts`](RetryPolicy::max_attempts) sets another number.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.inner.attempts = policy.attempts_of(u32::MAX);
        if self.inner.attempts == u32::MAX {
            self.inner.attempts = ATTEMPTS;
        }
        self.inner.retry = policy;
        self
    }

    /// When a failed compensation is tried again. Default: [`RetryPolicy::default`], at most 10
    /// attempts in all, then the saga is parked.
    pub fn compensation_retry(mut self, policy: RetryPolicy) -> Self {
        self.inner.undo_attempts = policy.attempts_of(u32::MAX);
        if self.inner.undo_attempts == u32::MAX {
            self.inner.undo_attempts = UNDO_ATTEMPTS;
        }
        self.inner.undo_retry = policy;
        self
    }
}

impl<T> fmt::Debug for Step<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for StepDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("name", &self.name)
            .field("is_compensated", &self.compensation.is_some())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
