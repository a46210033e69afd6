//! A worker process of a case.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use super::{Child, Launch, Usage};
use crate::ledger::Writer;

/// A process that does a part of the case's work, killed when its last handle is dropped.
///
/// It keeps a ledger of its own, by [`Writer::open`] with the name it has here. What is done to it is recorded by the
/// ledger that is given to [`spawn`](Self::spawn), so that the checker knows why its messages come again.
///
/// ```no_run
/// # use glmsg_faults::{ledger::Writer, process::{Launch, Worker}};
/// # async fn example(ledger: Writer, dir: &std::path::Path) {
/// // In the package of the test: env!("CARGO_BIN_EXE_worker").
/// let launch = Launch::new("worker").args(["--group", "workers"]).env("LEDGER", dir);
/// let worker = Worker::spawn("consumer-1", &launch, &ledger);
/// worker.kill9().await;
/// // Another name, so that the ledgers of the two can be told apart.
/// let second = Worker::spawn("consumer-1b", &launch, &ledger);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Worker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    launch: Launch,
    child: Child,
    ledger: Writer,
}

impl Worker {
    /// Starts it, under its name in the ledger.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn(name: &str, launch: &Launch, ledger: &Writer) -> Self {
        let shared = Shared {
            name: name.to_owned(),
            launch: launch.clone(),
            child: Child::spawn(launch),
            ledger: ledger.clone(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Its name in the ledger.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.shared.child.pid()
    }

    /// Whether it has not ended; a stopped process has not.
    pub fn is_alive(&self) -> bool {
        self.shared.child.ended().is_none()
    }

    /// `SIGKILL`. When this returns it is gone, and its [crash](crate::ledger::What::Crash) is recorded.
    pub async fn kill9(&self) -> ExitStatus {
        let status = self.shared.child.kill9().await;
        self.shared.ledger.crash(&self.shared.name);
        status
    }

    /// `SIGSTOP`: it stands still and knows nothing of it. Recorded as a fault `stop` of the worker.
    pub async fn stop(&self) {
        let Shared { name, ledger, .. } = &*self.shared;
        ledger.fault_begin_for(name, "stop");
        self.shared.child.stop().await;
    }

    /// `SIGCONT`: it goes on after a [`stop`](Self::stop).
    pub fn cont(&self) {
        self.shared.child.cont();
        let Shared { name, ledger, .. } = &*self.shared;
        ledger.fault_end_for(name, "stop");
    }

    /// `SIGTERM`: it is asked to end. Then [`wait`](Self::wait).
    pub fn terminate(&self) {
        self.shared.child.terminate();
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it has not ended after that time; the message has the end of its log.
    pub async fn wait(&self, within: Duration) -> ExitStatus {
        let ended = self.shared.child.end_within(within).await;
        ended.unwrap_or_else(|| {
            let Shared { name, launch, .. } = &*self.shared;
            let log = launch.printed();
            panic!("{name} has not ended within {within:?}\n{}", tail(&log))
        })
    }

    /// What it printed so far, if its [`Launch`] has a log.
    pub fn log(&self) -> String {
        self.shared.launch.printed()
    }

    /// What it uses now.
    ///
    /// # Panics
    /// If it has ended.
    pub fn usage(&self) -> Usage {
        Usage::of(self.pid()).expect("the usage of a process that runs can be read")
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
