//! The work queue: each task is done, by one worker, in its tenant's turn.

mod fairness;
mod killed;
mod limits;
mod results;
mod tasks;
mod workers;

pub(crate) use fairness::*;
pub(crate) use killed::*;
pub(crate) use limits::*;
pub(crate) use results::*;
pub(crate) use tasks::*;
pub(crate) use workers::*;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg_broker::{Broker, HandlerError};
use glmsg_faults::until;
use glmsg_patterns::work_queue::{Job, WorkQueue};

/// A bound on defects, not a claim about speed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the cases look for new tenants.
const OFTEN: Duration = Duration::from_millis(50);

fn queue(broker: Arc<dyn Broker>) -> WorkQueue {
    WorkQueue::new(broker, "tasks").expect("a valid name")
}

/// What handlers were given, in the order they began: the payloads.
#[derive(Debug, Clone, Default)]
struct Begun(Arc<Mutex<Vec<String>>>);

impl Begun {
    fn note(&self, job: &Job) {
        let payload = String::from_utf8_lossy(job.payload()).into_owned();
        self.0.lock().unwrap().push(payload);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    async fn are(&self, n: usize) {
        until(&format!("{n} tasks are begun"), PATIENCE, || async {
            self.len() >= n
        })
        .await;
    }

    /// A handler that notes its task and is done.
    fn handler(&self) -> impl Fn(Job) -> std::future::Ready<Result<(), HandlerError>> + use<> {
        let begun = self.clone();
        move |job| {
            begun.note(&job);
            std::future::ready(Ok(()))
        }
    }
}

async fn submit_all(queue: &WorkQueue, payloads: impl IntoIterator<Item = String>) {
    let tasks = payloads.into_iter().map(|p| queue.task().payload(p));
    let submitted = queue.submit_batch(tasks.collect::<Vec<_>>()).await;
    for task in submitted.expect("the batch is taken") {
        task.expect("the task is taken");
    }
}
