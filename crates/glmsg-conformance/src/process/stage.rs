//! Where a process-level case happens: a store, a ledger, a worker binary.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use glmsg_broker::{Broker, GroupConfig};
use glmsg_core::MessageId;

use super::ledger::{self, Event, What};
use super::plan::{Plan, Role};
use super::worker_process::WorkerProcess;
use crate::Fixture;
use crate::messages::{group, topic};

/// Where a process-level case happens.
pub struct Stage<F> {
    fixture: F,
    url: String,
    worker: PathBuf,
    directory: PathBuf,
    started: AtomicUsize,
}

impl<F> fmt::Debug for Stage<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stage").field(&self.url).finish()
    }
}

impl<F: Fixture> Stage<F> {
    pub(super) async fn new(fixture: F, url: String, worker: &Path) -> Self {
        // The group is there before any worker, so that a case can ask about it at any time.
        let config = GroupConfig::default();
        let broker = fixture.broker().await;
        let created = broker.create_group(&topic(), &group("g"), &config).await;
        created.expect("a fresh store takes a group");
        let name = format!("glmsg-conformance-{}", MessageId::new());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).expect("a directory for the ledger");
        Self {
            fixture,
            url,
            worker: worker.to_owned(),
            directory,
            started: AtomicUsize::new(0),
        }
    }

    pub(super) fn fixture(&self) -> &F {
        &self.fixture
    }

    /// A handle of the suite's own process on the store.
    pub(super) async fn broker(&self) -> Arc<dyn Broker> {
        self.fixture.broker().await
    }

    /// A plan with a lease that ends soon enough to wait for, and long enough that a machine under
    /// load renews in time.
    pub(super) fn plan(&self, role: Role) -> Plan {
        Plan {
            role,
            url: self.url.clone(),
            ledger: self.ledger_path(),
            workers: 4,
            prefetch: 64,
            lease: Duration::from_secs(1),
            delay: Duration::ZERO,
        }
    }

    /// Starts a worker.
    pub(super) fn start(&self, plan: &Plan) -> WorkerProcess {
        let n = self.started.fetch_add(1, Ordering::SeqCst);
        let errors = self.directory.join(format!("stderr-{n}"));
        WorkerProcess::start(&self.worker, plan, errors)
    }

    /// Starts a worker that behaves as `role`.
    pub(super) fn start_as(&self, role: Role) -> WorkerProcess {
        self.start(&self.plan(role))
    }

    /// What all workers did, of this kind, in the order they did it.
    pub(super) fn events(&self, what: What) -> Vec<Event> {
        let mut events = ledger::read(&self.ledger_path());
        events.retain(|event| event.what == what);
        events
    }

    /// The messages that a handler has done.
    pub(super) fn done(&self) -> HashSet<MessageId> {
        self.events(What::Done)
            .iter()
            .map(|event| event.id)
            .collect()
    }

    fn ledger_path(&self) -> PathBuf {
        self.directory.join("ledger.jsonl")
    }
}

impl<F> Drop for Stage<F> {
    fn drop(&mut self) {
        // What a failed case leaves behind is there to be read.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}
