//! The settings of a runner.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{BoxStorage, Broker};
use glmsg_core::{Error, ErrorKind, MessageId, Result, SystemClock};

use super::runner::Shared;
use super::{SagaDefinition, SagaRunner};

/// Builds a [`SagaRunner`](super::SagaRunner).
#[must_use = "a runner is opened by `open` or `on`"]
pub struct SagaRunnerBuilder {
    definitions: Vec<SagaDefinition>,
    owner: Option<String>,
    lease: Duration,
    poll: Duration,
    retention: Duration,
    concurrency: usize,
}

impl Default for SagaRunnerBuilder {
    fn default() -> Self {
        Self {
            definitions: Vec::new(),
            owner: None,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            retention: Duration::from_secs(7 * 24 * 3600),
            concurrency: 16,
        }
    }
}

impl fmt::Debug for SagaRunnerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SagaRunnerBuilder")
            .field("definitions", &self.definitions)
            .finish_non_exhaustive()
    }
}

impl SagaRunnerBuilder {
    /// A definition that sagas can run by. Several versions of a name can be there; new sagas begin
    /// on the greatest.
    pub fn register(mut self, definition: SagaDefinition) -> Self {
        self.definitions.push(definition);
        self
    }

    /// Who this is, in journals and listings. Default: the process id and a random part.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// How long a saga stays with an owner that gives no sign of life, so how long it takes until
    /// the sagas of a killed process go on. It is renewed three times in that time. Default: 30 s;
    /// at least 100 ms.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(100));
        self
    }

    /// How often a [service](super::SagaRunner::serve) looks for sagas that have no owner. Default: 1 s.
    pub fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll.max(Duration::from_millis(10));
        self
    }

    /// How long journals of finished sagas are kept, where a [service](super::SagaRunner::serve) runs.
    /// Default: 7 days.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// How many sagas a [service](super::SagaRunner::serve) runs at once. Default: 16.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// A runner of sagas that are kept by this broker.
    ///
    /// # Errors
    /// `Unsupported` if the broker has no storage; `InvalidArgument` for a definition without steps,
    /// or with two of a name; `AlreadyExists` for two definitions of a name and version.
    pub async fn open(self, broker: &Arc<dyn Broker>) -> Result<SagaRunner> {
        let storage = broker.open_storage().await?;
        self.on(storage)
    }

    /// A runner of sagas that are kept in this storage.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn on(self, storage: BoxStorage) -> Result<SagaRunner> {
        let mut definitions = BTreeMap::new();
        for definition in self.definitions {
            definition.check()?;
            let key = (definition.name.clone(), definition.version);
            if definitions.insert(key, Arc::new(definition)).is_some() {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    "two definitions have the same name and version",
                )
                .operation("register")
                .remedy("give a changed definition the next version"));
            }
        }
        let random = MessageId::new().to_string();
        let random = random.rsplit('-').next().unwrap_or_default();
        let default = || format!("{}-{random}", std::process::id());
        Ok(SagaRunner(Arc::new(Shared {
            storage,
            clock: Arc::new(SystemClock),
            owner: self.owner.unwrap_or_else(default),
            lease: self.lease,
            poll: self.poll,
            retention: self.retention,
            concurrency: self.concurrency,
            definitions,
        })))
    }
}
