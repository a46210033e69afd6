//! Worker processes that are replaced when they die.

use std::ops::RangeInclusive;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use glmsg_faults::ledger::Writer;
use glmsg_faults::process::{Killer, Worker};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;

use super::plan::{Plan, Role};
use super::{Consumption, Scene};

/// How long a process may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(60);
/// The time between two looks at whether all live.
const PAUSE: Duration = Duration::from_millis(10);

/// Worker processes of one group. One that dies, whether it is killed here or by a message, has its crash recorded and
/// is followed by another of a new name.
#[derive(Debug)]
pub struct Crew {
    shared: Arc<Mutex<Shared>>,
    watch: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    program: String,
    prefix: String,
    plan: Plan,
    logs: PathBuf,
    ledger: Writer,
    workers: Vec<Worker>,
    /// Workers that have ended.
    gone: Vec<(Worker, ExitStatus)>,
    named: usize,
}

impl Shared {
    fn spawn(&mut self) -> Worker {
        self.named += 1;
        self.plan.name = format!("{}-{}", self.prefix, self.named);
        let log = self.logs.join(format!("{}.log", self.plan.name));
        let launch = self.plan.launch(&self.program).log(log);
        Worker::spawn(&self.plan.name, &launch, &self.ledger)
    }

    /// Replaces a worker that has ended.
    fn replace(&mut self, at: usize, status: ExitStatus) {
        let worker = self.spawn();
        let gone = std::mem::replace(&mut self.workers[at], worker);
        self.gone.push((gone, status));
    }
}

impl Crew {
    /// Starts so many workers on the scene's broker; `program` runs [`main`](super::main).
    pub fn hire(workers: usize, program: &str, scene: &Scene, consumption: &Consumption) -> Self {
        Self::hire_at(workers, program, scene, consumption, &scene.url())
    }

    /// The same, by way of another address: that of a proxy.
    pub fn hire_at(
        workers: usize,
        program: &str,
        scene: &Scene,
        consumption: &Consumption,
        url: &str,
    ) -> Self {
        Self::start(workers, "consumer", program, scene, consumption, url)
    }

    /// As [`hire`](Self::hire), for a second crew: its workers have other names.
    pub fn named(
        workers: usize,
        prefix: &str,
        program: &str,
        scene: &Scene,
        consumption: &Consumption,
    ) -> Self {
        Self::start(workers, prefix, program, scene, consumption, &scene.url())
    }

    fn start(
        workers: usize,
        prefix: &str,
        program: &str,
        scene: &Scene,
        consumption: &Consumption,
        url: &str,
    ) -> Self {
        let dir = scene.dir(|dir| dir.to_owned());
        let logs = dir.join("logs");
        std::fs::create_dir_all(&logs).expect("a folder for the logs");
        let mut shared = Shared {
            program: program.to_owned(),
            prefix: prefix.to_owned(),
            plan: Plan {
                name: String::new(),
                ledger: dir,
                url: url.to_owned(),
                topic: scene.topic(),
                group: scene.group(),
                role: Role::Consume(consumption.clone()),
            },
            logs,
            ledger: scene.ledger(),
            workers: Vec::new(),
            gone: Vec::new(),
            named: 0,
        };
        for _ in 0..workers {
            let worker = shared.spawn();
            shared.workers.push(worker);
        }
        let shared = Arc::new(Mutex::new(shared));
        let watch = tokio::spawn(watch(shared.clone()));
        Self { shared, watch }
    }

    async fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().await
    }

    /// The workers that are at work.
    pub async fn workers(&self) -> Vec<Worker> {
        self.shared().await.workers.clone()
    }

    /// One more worker begins.
    pub async fn joined(&self) {
        let mut shared = self.shared().await;
        let worker = shared.spawn();
        shared.workers.push(worker);
    }

    /// The worker that has been there for longest is asked to end, and is not replaced.
    ///
    /// # Panics
    /// If it does not end in a minute.
    pub async fn left(&self) {
        let mut shared = self.shared().await;
        let worker = shared.workers.remove(0);
        worker.terminate();
        let status = worker.wait(PATIENCE).await;
        shared.gone.push((worker, status));
    }

    /// Kills the `nth` worker, counted round and round, and has it replaced.
    pub async fn kill(&self, nth: u64) {
        kill(&self.shared, nth).await;
    }

    /// Kills one after the other, at random times that follow from the seed, until it is told to stop.
    pub fn killer(&self, seed: u64, every: RangeInclusive<Duration>) -> Killer {
        let shared = self.shared.clone();
        Killer::start(seed, every, move |round| {
            let shared = shared.clone();
            async move { kill(&shared, round).await }
        })
    }

    /// What all of them printed so far, by name.
    pub async fn logs(&self) -> Vec<(String, String)> {
        let shared = self.shared().await;
        let gone = shared.gone.iter().map(|(worker, _)| worker);
        let all = gone.chain(&shared.workers);
        all.map(|worker| (worker.name().to_owned(), worker.log()))
            .collect()
    }

    /// Asks all to end, and waits for it. Returns what each of all that ever worked here printed.
    ///
    /// # Panics
    /// If one does not end in order, or ended by itself before, other than by a signal.
    pub async fn dismiss(self) -> Vec<(String, String)> {
        // Held to the end, so that nobody is replaced any more.
        let shared = self.shared().await;
        self.watch.abort();
        for worker in &shared.workers {
            worker.terminate();
        }
        let mut ended = shared.gone.clone();
        for worker in &shared.workers {
            ended.push((worker.clone(), worker.wait(PATIENCE).await));
        }
        let mut logs = Vec::new();
        for (worker, status) in ended {
            let (name, log) = (worker.name().to_owned(), worker.log());
            let in_order = status.success() || status.signal().is_some();
            assert!(in_order, "{name} ended with {status}:\n{log}");
            logs.push((name, log));
        }
        logs
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

async fn kill(shared: &Mutex<Shared>, nth: u64) {
    let mut shared = shared.lock().await;
    let workers = u64::try_from(shared.workers.len()).unwrap_or(1);
    let at = usize::try_from(nth % workers).unwrap_or(0);
    let status = shared.workers[at].kill9().await;
    shared.replace(at, status);
}

async fn watch(shared: Arc<Mutex<Shared>>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let mut shared = shared.lock().await;
        for at in 0..shared.workers.len() {
            if !shared.workers[at].is_alive() {
                let worker = shared.workers[at].clone();
                shared.ledger.crash(worker.name());
                let status = worker.wait(PATIENCE).await;
                shared.replace(at, status);
            }
        }
    }
}
