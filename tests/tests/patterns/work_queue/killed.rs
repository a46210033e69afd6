//! A process of workers is killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use glmsg_conformance::Fixture;
use glmsg_core::AttemptOutcome;
use glmsg_patterns::work_queue::Job;
use tokio::sync::mpsc;

use super::{PATIENCE, queue, submit_all};

/// How another process opens the store, where one can.
pub(crate) trait Shared {
    fn shared_url(&self) -> Option<String>;
}

impl Shared for glmsg_tests::Memory {
    fn shared_url(&self) -> Option<String> {
        None
    }
}

macro_rules! shared {
    ($($fixture:ident)*) => {
        $(impl Shared for glmsg_tests::$fixture {
            fn shared_url(&self) -> Option<String> {
                Some(self.url())
            }
        })*
    };
}
shared! { Sqlite Redis7 Kafka }

/// Killed when the case ends, however it ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What a process that was killed had begun, and what it had taken and not begun, is done by others
/// when its leases have run out.
pub(crate) async fn others_do_what_a_killed_process_had<F: Fixture + Shared>(f: F) {
    let Some(url) = f.shared_url() else {
        assert!(!F::capability().multi_process, "it has no URL");
        return;
    };
    let queue = queue(f.broker().await);
    submit_all(&queue, (0..10).map(|n| n.to_string())).await;
    let child = Command::new(env!("CARGO_BIN_EXE_queue_worker"))
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut process = Process(child.expect("the worker starts"));
    let output = process.0.stdout.take().expect("it is piped");
    let began = tokio::task::spawn_blocking(move || BufReader::new(output).lines().next());
    let began = tokio::time::timeout(PATIENCE, began).await;
    let began = began.expect("it begins in time").expect("no panic");
    let began = began.expect("a line").expect("text");
    drop(process);

    let (done, mut was_done) = mpsc::unbounded_channel();
    let builder = queue.workers(2).lease(Duration::from_secs(2));
    let pool = builder.start(move |job: Job| {
        let payload = String::from_utf8_lossy(job.payload()).into_owned();
        let outcome = job.history().last().map(|attempt| attempt.outcome);
        done.send((payload, job.attempt(), outcome))
            .expect("the case listens");
        async { Ok(()) }
    });
    let pool = pool.await.expect("it starts");
    let mut all = Vec::new();
    while all.len() < 10 {
        let next = tokio::time::timeout(PATIENCE, was_done.recv()).await;
        let (payload, attempt, outcome) = next.expect("in time").expect("the pool runs");
        if payload == began {
            assert_eq!(attempt, 2, "the attempt that was killed counts");
            assert_eq!(outcome, Some(AttemptOutcome::LeaseExpired));
        }
        all.push(payload);
    }
    all.sort();
    assert_eq!(all, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    pool.shutdown().await.expect("it stops");
}
