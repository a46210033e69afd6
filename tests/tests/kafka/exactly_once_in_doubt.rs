//! A commit whose outcome nobody tells: the broker goes away, or its answers do.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use glmsg_core::{Error, ErrorKind, Result};
use glmsg_faults::proxy::{Direction, DropReply, Mode, Proxy};
use glmsg_faults::until;
use glmsg_kafka::{Input, Transactional, TransactionalOptions};
use glmsg_tests::KafkaServer;

use crate::copying::{Copying, PATIENCE, message, once_each, text};

/// A request EndTxn of version 1, as it begins behind its length.
const END_TXN: [u8; 4] = [0, 26, 0, 1];

/// One case at a time, as each has a broker of its own.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Stops a commit just before it is sent, once.
static GATE: Gate = Gate {
    at: Mutex::new(At::Open),
    moved: Condvar::new(),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Open,
    Closed,
    Reached,
}

struct Gate {
    at: Mutex<At>,
    moved: Condvar,
}

impl Gate {
    fn set(&self, at: At) {
        *self.at.lock().expect("nobody panics") = at;
        self.moved.notify_all();
    }

    /// Passes by it, on the thread that commits.
    fn pass(step: &'static str) {
        let mut at = GATE.at.lock().expect("nobody panics");
        if step != "commit" || *at == At::Open {
            return;
        }
        *at = At::Reached;
        let until = Instant::now() + PATIENCE;
        while *at != At::Open {
            assert!(Instant::now() < until, "the gate is opened");
            let waited = GATE.moved.wait_timeout(at, PATIENCE);
            at = waited.expect("nobody panics").0;
        }
    }

    async fn is_reached(&self) {
        until("it is about to commit", PATIENCE, || async {
            *self.at.lock().expect("nobody panics") == At::Reached
        })
        .await;
    }
}

/// Copies what there is, and has something done just before the commit is sent.
async fn copy(
    case: &Copying,
    copier: &mut Transactional,
    before: impl Future<Output = ()>,
) -> Result<()> {
    let mut transaction = copier.begin().await?;
    for input in transaction.recv(100).await? {
        let copy = message(&case.to, &text(&input.message));
        transaction.publish(&[copy]).await?;
    }
    GATE.set(At::Closed);
    let before = async {
        GATE.is_reached().await;
        before.await;
        GATE.set(At::Open);
    };
    tokio::join!(transaction.commit(), before).0
}

async fn finish(case: &Copying, copier: &mut Transactional) {
    let copying = copier.run(|input: Input| async move {
        Ok::<_, Error>(vec![message(&case.to, &text(&input.message))])
    });
    tokio::select! {
        ended = copying => panic!("{ended:?}"),
        () = case.until_done() => {}
    }
}

fn rounds() -> usize {
    match std::env::var_os("GLMSG_LONG") {
        Some(_) => 10,
        None => 2,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_is_killed_before_a_commit_and_comes_back() {
    let _turn = TURN.lock().await;
    let mut server = KafkaServer::start().await;
    let case = Copying::at(server.url()).await;
    let options = TransactionalOptions::new("one").on_step(Gate::pass);
    let mut copier = case.open_with(options).await;
    for round in 0..rounds() {
        case.publish(round * 10..round * 10 + 10).await;
        let error = copy(&case, &mut copier, server.kill9()).await;
        let error = error.expect_err("nobody answers");
        assert_eq!(error.kind(), ErrorKind::Indeterminate, "{error}");
        server.restart().await;
        finish(&case, &mut copier).await;
        case.shows(once_each(round * 10 + 10)).await;
    }
}

/// Has the answers to a commit do something, and tells what came of it.
async fn answers(mode: impl Fn() -> Mode) {
    let _turn = TURN.lock().await;
    let mut server = KafkaServer::new();
    let proxy = Proxy::start(server.addr()).await;
    server.advertise(proxy.addr());
    server.restart().await;
    let case = Copying::at(server.url()).await;
    let options = TransactionalOptions::new("one").on_step(Gate::pass);
    let mut copier = case.open_with(options).await;
    let control = proxy.control();
    for round in 0..rounds() {
        let count = round * 10 + 10;
        case.publish(round * 10..count).await;
        let error = copy(&case, &mut copier, control.set(mode())).await;
        let error = error.expect_err("no answer comes in time");
        assert_eq!(error.kind(), ErrorKind::Indeterminate, "{error}");
        control.set(Mode::Pass).await;
        // The broker has committed, and nobody was told: it is not done again.
        finish(&case, &mut copier).await;
        case.shows(once_each(count)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answers_to_a_commit_are_lost() {
    answers(|| Mode::DropReply(DropReply::always().to(END_TXN))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answers_to_a_commit_come_after_ten_seconds() {
    answers(|| Mode::Delay {
        direction: Direction::ToClient,
        by: Duration::from_secs(10),
        jitter: Duration::ZERO,
    })
    .await;
}
