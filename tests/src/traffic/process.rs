//! The inside of a traffic process.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use glmsg_broker::Broker;
use glmsg_core::{Error, Result};
use glmsg_faults::ledger::Writer;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::plan::{Plan, Role};
use super::{Consumption, Pen, Publisher, Told, stderr};

/// How long a broker is tried to be reached, and a group to be joined.
const PATIENCE: Duration = Duration::from_secs(180);

/// Does what the [`Plan`] in the environment says until SIGTERM; then ends in order, with code 0.
///
/// # Panics
/// If there is no plan, or no ledger.
#[allow(clippy::print_stderr, reason = "the harness keeps it")]
pub fn main() -> ExitCode {
    stderr::install();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    match runtime.block_on(run(Plan::of_this_process())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the process ends: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(plan: Plan) -> Result<()> {
    // Before anything else, so that no stop comes too early to be heard.
    let stop = signal(SignalKind::terminate()).expect("signals can be heard");
    let ledger = Writer::open(&plan.ledger, &plan.name);
    stderr::record_in(&ledger);
    ledger.start();
    let (broker, _) = retried(|| Told::open(&plan.url, &ledger)).await?;
    match &plan.role {
        Role::Publish(publication) => {
            let publisher = Publisher::on(broker.clone(), &plan.topic, ledger.clone(), publication);
            until(stop).await;
            publisher.stop().await;
        }
        Role::Consume(consumption) => {
            consume(&plan, consumption, &broker, &ledger, stop).await?;
        }
    }
    broker.close().await?;
    ledger.stop();
    Ok(())
}

async fn consume(
    plan: &Plan,
    consumption: &Consumption,
    broker: &Arc<dyn Broker>,
    ledger: &Writer,
    stop: Signal,
) -> Result<()> {
    let names = (plan.topic.as_str(), plan.group.as_str());
    if consumption.consumers > 1 {
        return consume_by_many(names, consumption, broker, ledger, stop).await;
    }
    let start = || consumption.start(broker.clone(), names, ledger);
    let mut consumer = retried(start).await?;
    tokio::select! {
        () = until(stop) => {}
        // It does not end by itself but for an error that no trying again can help.
        ended = consumer.ended() => return ended.map(drop),
    }
    consumer.shutdown().await.map(drop)
}

async fn consume_by_many(
    names: (&str, &str),
    consumption: &Consumption,
    broker: &Arc<dyn Broker>,
    ledger: &Writer,
    stop: Signal,
) -> Result<()> {
    let mut consumers = Vec::new();
    for number in 0..consumption.consumers {
        let pen = || Pen::new(ledger.clone(), names.1).numbered(number);
        let start = || consumption.start_with(broker.clone(), names, pen());
        consumers.push(retried(start).await?);
    }
    until(stop).await;
    for consumer in consumers {
        consumer.shutdown().await?;
    }
    Ok(())
}

/// Tries again as long as that can help.
async fn retried<T, F>(call: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    let can_help = |error: &Error| error.is_transient() && Instant::now() < deadline;
    loop {
        match call().await {
            Err(error) if can_help(&error) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => return other,
        }
    }
}

async fn until(mut signal: Signal) {
    signal.recv().await;
}
