//! Who runs a saga, and who no longer does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use glmsg_broker::BoxStorage;
use glmsg_conformance::Fixture;
use glmsg_patterns::saga::{SagaDefinition, SagaId, SagaRunner, SagaStatus, Step, StepContext};
use tokio::sync::Notify;

use super::{Done, built, in_time};

/// What nobody runs is found by a service: what was only started, and what was left in the middle.
pub(crate) async fn a_service_runs_what_was_left<F: Fixture>(f: F) {
    let done = Done::default();
    let (begun, times) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let saga = || {
        let (begun, times) = (begun.clone(), times.clone());
        let once_hanging = Step::new("b", move |_: StepContext| {
            let is_first = times.fetch_add(1, Ordering::SeqCst) == 0;
            begun.notify_one();
            async move {
                if is_first {
                    std::future::pending::<()>().await;
                }
                Ok(())
            }
        });
        SagaDefinition::new("s", 1)
            .step(done.step("a"))
            .step(once_hanging)
    };
    let builder = || {
        SagaRunner::builder()
            .register(saga())
            .poll(Duration::from_millis(20))
            .lease(F::soon() * 5)
    };
    let first = built(&f, builder()).await;
    let left = SagaId::new("left").unwrap();
    let run = tokio::spawn({
        let (first, left) = (first.clone(), left.clone());
        async move { first.execute_as(&left, "s", &()).await.map(drop).ok() }
    });
    in_time(begun.notified()).await;
    run.abort();
    let started = SagaId::new("started").unwrap();
    first.start(&started, "s", &()).await.unwrap();
    let second = built(&f, builder()).await;
    let service = second.serve();
    for id in [&left, &started] {
        in_time(first.resume(id)).await.unwrap();
    }
    service.stop().await;
    let store = first.store();
    let left = store.get(&left).await.unwrap().unwrap();
    let attempts: Vec<_> = left.steps.iter().map(|step| step.attempts).collect();
    assert_eq!((left.status, attempts), (SagaStatus::Completed, vec![1, 2]));
    assert_eq!(done.all(), ["a", "a"], "once for each saga");
}

/// An owner that stood still too long finds another in its place, and writes nothing more.
pub(crate) async fn an_owner_that_wakes_up_late_is_shut_out<F: Fixture>(f: F) {
    let done = Done::default();
    let storage = f.broker().await.open_storage().await.unwrap();
    let fences = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (begun, wake) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let saga = |is_first: bool| {
        let (begun, wake, fences) = (begun.clone(), wake.clone(), fences.clone());
        let step = Step::new("b", move |ctx: StepContext| {
            fences.lock().unwrap().push(ctx.fence());
            let (begun, wake) = (begun.clone(), wake.clone());
            async move {
                if is_first {
                    begun.notify_one();
                    wake.notified().await;
                }
                Ok(is_first)
            }
        });
        SagaDefinition::new("s", 1)
            .step(done.step("a"))
            .step(step)
            .step(done.step("c"))
    };
    let id = SagaId::new("stolen").unwrap();
    // The first cannot hold on to it: its lease is never renewed.
    let deaf = BoxStorage::new(Deaf(storage.clone()));
    let first = SagaRunner::builder()
        .register(saga(true))
        .lease(F::soon() * 3)
        .on(deaf)
        .unwrap();
    let run = tokio::spawn({
        let (first, id) = (first.clone(), id.clone());
        async move { first.execute_as(&id, "s", &()).await }
    });
    in_time(begun.notified()).await;
    let second = SagaRunner::builder()
        .register(saga(false))
        .on(storage)
        .unwrap();
    let outcome = in_time(second.resume(&id)).await.unwrap();
    assert!(!outcome.output::<bool>("b").unwrap());
    let before = second.store().journal(&id).await.unwrap();
    wake.notify_one();
    // It learns how the saga ended, and that not by its own doing.
    let ended = in_time(run).await.unwrap().unwrap();
    assert_eq!(ended, outcome);
    assert_eq!(second.store().journal(&id).await.unwrap(), before);
    assert_eq!(done.all(), ["a", "c"]);
    let fences = fences.lock().unwrap().clone();
    assert!(fences.len() == 2 && fences[0] < fences[1], "{fences:?}");
}

/// A storage on which nobody can wait, so that its user holds on to nothing.
struct Deaf(BoxStorage);

impl glmsg_broker::Storage for Deaf {
    async fn append(
        &self,
        log: &glmsg_broker::StorageKey,
        expected: glmsg_broker::Expected,
        records: &[bytes::Bytes],
    ) -> glmsg_core::Result<glmsg_broker::Change> {
        self.0.append(log, expected, records).await
    }
    async fn read(
        &self,
        log: &glmsg_broker::StorageKey,
        after: u64,
        max: usize,
    ) -> glmsg_core::Result<Vec<glmsg_broker::Record>> {
        self.0.read(log, after, max).await
    }
    async fn version(&self, log: &glmsg_broker::StorageKey) -> glmsg_core::Result<u64> {
        self.0.version(log).await
    }
    async fn wait(
        &self,
        _: &glmsg_broker::StorageKey,
        _: u64,
        _: Duration,
    ) -> glmsg_core::Result<u64> {
        std::future::pending().await
    }
    async fn remove_log(
        &self,
        log: &glmsg_broker::StorageKey,
        expected: glmsg_broker::Expected,
    ) -> glmsg_core::Result<glmsg_broker::Change> {
        self.0.remove_log(log, expected).await
    }
    async fn logs(
        &self,
        prefix: &glmsg_broker::KeyPrefix,
        after: Option<&glmsg_broker::StorageKey>,
        max: usize,
    ) -> glmsg_core::Result<Vec<glmsg_broker::StorageKey>> {
        self.0.logs(prefix, after, max).await
    }
    async fn get(
        &self,
        key: &glmsg_broker::StorageKey,
    ) -> glmsg_core::Result<Option<glmsg_broker::Value>> {
        self.0.get(key).await
    }
    async fn put(
        &self,
        key: &glmsg_broker::StorageKey,
        value: &bytes::Bytes,
        expected: glmsg_broker::Expected,
        ttl: Option<Duration>,
    ) -> glmsg_core::Result<glmsg_broker::Change> {
        self.0.put(key, value, expected, ttl).await
    }
    async fn remove(
        &self,
        key: &glmsg_broker::StorageKey,
        expected: glmsg_broker::Expected,
    ) -> glmsg_core::Result<glmsg_broker::Change> {
        self.0.remove(key, expected).await
    }
    async fn keys(
        &self,
        prefix: &glmsg_broker::KeyPrefix,
        after: Option<&glmsg_broker::StorageKey>,
        max: usize,
    ) -> glmsg_core::Result<Vec<glmsg_broker::StorageKey>> {
        self.0.keys(prefix, after, max).await
    }
}
