//! The saga of five steps that is cut off everywhere, what it did, and the process that runs it.

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{
    BoxStorage, Change, Expected, HandlerError, KeyPrefix, Record, Storage, StorageKey, Value,
};
use glmsg_core::Result;
use glmsg_patterns::saga::{
    SagaDefinition, SagaError, SagaId, SagaOutcome, SagaRunner, Step, StepContext,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::worker::open;

/// The environment variable that holds the plan.
pub const VARIABLE: &str = "GLMSG_SAGA_PLAN";

/// The steps, in order.
pub const STEPS: [&str; 5] = ["reserve", "pay", "pack", "ship", "notify"];

/// The name of the saga.
pub const NAME: &str = "order";

/// At which write of the journal a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// The how many-th write, from 1.
    pub write: u32,
    /// After it, or before.
    pub is_after: bool,
}

/// What a process does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub url: String,
    pub id: String,
    /// Its last step refuses.
    pub fails: bool,
    pub lease_ms: u64,
    pub dies: Option<Death>,
}

/// Something that was done outside of the saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    pub step: String,
    pub is_undo: bool,
    pub key: String,
    pub fence: u64,
    /// What a compensation was given.
    pub output: Option<String>,
}

fn effects_log(id: &SagaId) -> StorageKey {
    StorageKey::new(format!("effects/{id}")).expect("a valid key")
}

/// What was done, in order.
pub async fn effects(storage: &BoxStorage, id: &SagaId) -> Vec<Effect> {
    let records = storage.read(&effects_log(id), 0, 1000).await;
    let records = records.expect("effects are read");
    let effects = records.iter().map(|r| serde_json::from_slice(&r.data));
    effects.collect::<Result<_, _>>().expect("effects")
}

async fn effect(storage: &BoxStorage, context: &StepContext, output: Option<Option<String>>) {
    let effect = Effect {
        step: context.step().to_owned(),
        is_undo: output.is_some(),
        key: context.idempotency_key(),
        fence: context.fence(),
        output: output.flatten(),
    };
    let bytes = Bytes::from(serde_json::to_vec(&effect).expect("JSON"));
    let log = effects_log(context.saga_id());
    let done = storage.append(&log, Expected::Any, &[bytes]).await;
    assert!(done.expect("it is done").made().is_some());
}

/// The saga, whose effects go to `outside`.
pub fn definition(outside: &BoxStorage, fails: bool) -> SagaDefinition {
    let steps = STEPS.iter().map(|name| {
        let is_refused = fails && *name == STEPS[STEPS.len() - 1];
        let (to_do, to_undo) = (outside.clone(), outside.clone());
        Step::new(name, move |context: StepContext| {
            let outside = to_do.clone();
            async move {
                if is_refused {
                    return Err(HandlerError::reject("refused"));
                }
                effect(&outside, &context, None).await;
                Ok(format!("{} of {}", context.step(), context.saga_id()))
            }
        })
        .compensate(move |context: StepContext, output: Option<String>| {
            let outside = to_undo.clone();
            async move {
                effect(&outside, &context, Some(output)).await;
                Ok(())
            }
        })
    });
    steps.fold(SagaDefinition::new(NAME, 1), SagaDefinition::step)
}

/// A runner whose journals are in `journals`, and whose effects go to `outside`.
pub fn runner(
    journals: BoxStorage,
    outside: &BoxStorage,
    fails: bool,
    lease: Duration,
) -> SagaRunner {
    let runner = SagaRunner::builder().register(definition(outside, fails));
    runner.lease(lease).on(journals).expect("a valid saga")
}

/// A storage that is not there any more from some write to a journal on.
#[derive(Debug)]
pub struct Mortal {
    inner: BoxStorage,
    death: Death,
    writes: AtomicU32,
    is_process: bool,
    /// Told when it is gone.
    pub gone: Arc<Notify>,
}

impl Mortal {
    pub fn new(inner: BoxStorage, death: Death, is_process: bool) -> Self {
        Self {
            inner,
            death,
            writes: AtomicU32::new(0),
            is_process,
            gone: Arc::default(),
        }
    }

    async fn die(&self) {
        if self.is_process {
            let pid = std::process::id().to_string();
            let killed = Command::new("kill").args(["-KILL", &pid]).status();
            assert!(killed.is_ok_and(|status| status.success()), "it dies");
        }
        self.gone.notify_one();
        std::future::pending::<()>().await;
    }
}

impl Storage for Mortal {
    async fn append(
        &self,
        log: &StorageKey,
        expected: Expected,
        records: &[Bytes],
    ) -> Result<Change> {
        if !log.as_str().starts_with("saga/journal/") {
            return self.inner.append(log, expected, records).await;
        }
        let write = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        let is_here = write == self.death.write;
        if is_here && !self.death.is_after {
            self.die().await;
        }
        let change = self.inner.append(log, expected, records).await;
        if is_here {
            self.die().await;
        }
        change
    }
    async fn read(&self, log: &StorageKey, after: u64, max: usize) -> Result<Vec<Record>> {
        self.inner.read(log, after, max).await
    }
    async fn version(&self, log: &StorageKey) -> Result<u64> {
        self.inner.version(log).await
    }
    async fn wait(&self, log: &StorageKey, after: u64, timeout: Duration) -> Result<u64> {
        self.inner.wait(log, after, timeout).await
    }
    async fn remove_log(&self, log: &StorageKey, expected: Expected) -> Result<Change> {
        self.inner.remove_log(log, expected).await
    }
    async fn logs(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        self.inner.logs(prefix, after, max).await
    }
    async fn get(&self, key: &StorageKey) -> Result<Option<Value>> {
        self.inner.get(key).await
    }
    async fn put(
        &self,
        key: &StorageKey,
        value: &Bytes,
        expected: Expected,
        ttl: Option<Duration>,
    ) -> Result<Change> {
        self.inner.put(key, value, expected, ttl).await
    }
    async fn remove(&self, key: &StorageKey, expected: Expected) -> Result<Change> {
        self.inner.remove(key, expected).await
    }
    async fn keys(
        &self,
        prefix: &KeyPrefix,
        after: Option<&StorageKey>,
        max: usize,
    ) -> Result<Vec<StorageKey>> {
        self.inner.keys(prefix, after, max).await
    }
}

/// Begins the saga of this id, or goes on with it.
pub async fn run(runner: &SagaRunner, id: &SagaId) -> Result<SagaOutcome, SagaError> {
    runner.execute_as(id, NAME, "an order").await
}

/// Runs the saga of the plan. Ends well if it was completed or compensated, as it must.
///
/// # Panics
/// If the store does what it must not.
pub fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(async {
        let text = std::env::var(VARIABLE).expect("a plan in GLMSG_SAGA_PLAN");
        let plan: Plan = serde_json::from_str(&text).expect("a valid plan");
        let broker = open(&plan.url).await;
        let outside = broker
            .open_storage()
            .await
            .expect("the backend keeps sagas");
        let journals = match plan.dies {
            Some(death) => BoxStorage::new(Mortal::new(outside.clone(), death, true)),
            None => outside.clone(),
        };
        let lease = Duration::from_millis(plan.lease_ms);
        let runner = runner(journals, &outside, plan.fails, lease);
        let id = SagaId::new(&plan.id).expect("a valid id");
        match (run(&runner, &id).await, plan.fails) {
            (Ok(_), false) | (Err(SagaError::Compensated(_)), true) => ExitCode::SUCCESS,
            (other, _) => panic!("{other:?}"),
        }
    })
}
