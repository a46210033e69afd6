//! Workers of the queue `tasks`, to be killed: the first task is told on stdout, and never ends.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

use std::process::ExitCode;
use std::time::Duration;

use glmsg_broker::HandlerError;
use glmsg_patterns::work_queue::{Job, WorkQueue};

#[tokio::main]
async fn main() -> ExitCode {
    let url = std::env::args().nth(1).unwrap_or_default();
    let broker = glmsg_tests::worker::open(&url).await;
    let workers = WorkQueue::new(broker, "tasks").map(|queue| queue.workers(1));
    let started = match workers {
        Ok(workers) => {
            let workers = workers.lease(Duration::from_secs(2));
            workers.start(begin).await
        }
        Err(error) => Err(error),
    };
    match started {
        Ok(mut pool) => {
            drop(pool.ended().await);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn begin(job: Job) -> Result<(), HandlerError> {
    println!("{}", String::from_utf8_lossy(job.payload()));
    std::future::pending().await
}
