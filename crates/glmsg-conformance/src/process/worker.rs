//! The inside of a worker process.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use glmsg_broker::{
    Broker, BrokerExt, Change, Consumer, Expected, HandlerError, Incoming, RetryPolicy, Settled,
    Storage, StorageKey,
};
use glmsg_core::{Message, MessageId};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::signal::unix::{SignalKind, signal};

use super::ledger::{Ledger, What};
use super::plan::{Plan, Role};
use crate::member::options;
use crate::messages::{group, topic};

/// How many records the suite's worker appends at once.
pub(super) const PIECE: usize = 4;

/// The log that it appends to.
pub(super) fn log() -> StorageKey {
    StorageKey::new("conformance/log").expect("the suite's keys are valid")
}

const NOBODY: MessageId = MessageId::from_bytes([0; 16]);

/// Does what `plan` says over `broker`, until it is told to stop by SIGTERM: the whole of a worker
/// binary besides opening the broker.
///
/// # Panics
/// If the broker does not do what it should; the process then ends with a code that is not 0.
pub async fn run_worker(plan: Plan, broker: Arc<dyn Broker>) -> ExitCode {
    let ledger = Arc::new(Ledger::open(&plan.ledger));
    match plan.role {
        Role::Publish => publish(&plan, &broker, &ledger).await,
        Role::Append => append(&broker, &ledger).await,
        Role::Stall => stall(&plan, &broker, &ledger).await,
        _ => consume(&plan, &broker, &ledger).await,
    }
    broker.close().await.expect("the broker closes");
    ledger.note(What::Stopped, NOBODY, 0);
    ExitCode::SUCCESS
}

async fn consume(plan: &Plan, broker: &Arc<dyn Broker>, ledger: &Arc<Ledger>) {
    // Before anything is received, so that no stop comes too early to be heard.
    let mut stop = signal(SignalKind::terminate()).expect("signals can be heard");
    let (role, delay) = (plan.role, plan.delay);
    let log = ledger.clone();
    let handler = move |incoming: Incoming| {
        let log = log.clone();
        async move {
            log.note(What::Begun, incoming.id(), incoming.attempt());
            act(role, delay, &incoming).await?;
            log.note(What::Done, incoming.id(), incoming.attempt());
            Ok(())
        }
    };
    let consumer = Consumer::new(broker.clone(), topic(), group("g"))
        .workers(plan.workers)
        .prefetch(plan.prefetch)
        .lease(plan.lease)
        .retry(RetryPolicy::fixed(Duration::ZERO))
        .start(handler)
        .await
        .expect("the consumer starts");
    ledger.note(What::Ready, NOBODY, 0);
    stop.recv().await;
    consumer.shutdown().await.expect("the consumer drains");
}

async fn act(role: Role, delay: Duration, incoming: &Incoming) -> Result<(), HandlerError> {
    let is_poison = &incoming.payload()[..] == b"poison";
    match role {
        Role::Hold => incoming.cancelled().await,
        Role::Fail => return Err(HandlerError::retry_after(delay, "as planned")),
        Role::Panic if is_poison => std::panic::resume_unwind(Box::new("as planned")),
        Role::Abort if is_poison => std::process::abort(),
        _ => {}
    }
    Ok(())
}

async fn stall(plan: &Plan, broker: &Arc<dyn Broker>, ledger: &Ledger) {
    let subscribed = broker
        .subscribe(options("g").lease(plan.lease).prefetch(1))
        .await;
    let mut subscription = subscribed.expect("the worker subscribes");
    let delivery = subscription.recv().await.expect("a delivery");
    let (id, attempt) = (delivery.id(), delivery.attempt());
    ledger.note(What::Begun, id, attempt);
    let mut go = String::new();
    let mut input = BufReader::new(tokio::io::stdin());
    input.read_line(&mut go).await.expect("a line to go on");
    match delivery.ack().await.expect("acking works") {
        Settled::Stale => ledger.note(What::Stale, id, attempt),
        _ => ledger.note(What::Acked, id, attempt),
    }
}

async fn publish(plan: &Plan, broker: &Arc<dyn Broker>, ledger: &Ledger) {
    ledger.note(What::Ready, NOBODY, 0);
    for n in 0.. {
        let message = Message::builder(topic()).payload(format!("{n}"));
        let message = message.delay(plan.delay).build().expect("a valid message");
        let id = message.id();
        broker.send(message).await.expect("a publish works");
        ledger.note(What::Stored, id, 0);
    }
}

async fn append(broker: &Arc<dyn Broker>, ledger: &Ledger) {
    let storage = broker.open_storage().await.expect("a storage");
    let log = log();
    let mut version = storage.version(&log).await.expect("a version");
    ledger.note(What::Ready, NOBODY, 0);
    loop {
        let id = MessageId::new();
        let piece = vec![Bytes::copy_from_slice(id.as_bytes()); PIECE];
        let made = storage.append(&log, Expected::Version(version), &piece);
        match made.await.expect("an append works") {
            Change::Made(now) => {
                version = now;
                ledger.note(What::Stored, id, 0);
            }
            // What a killed one had sent may arrive late.
            Change::Conflict(actual) => version = actual,
        }
    }
}
