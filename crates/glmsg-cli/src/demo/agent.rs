//! An agent: a member of the group `agents`, in a process of its own or in the demo's.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use glmsg::{
    AttemptOutcome, Broker, BrokerExt, Clock, Consumer, HandlerError, Incoming, MemberName,
    SystemClock,
};
use tokio_util::sync::CancellationToken;

use super::emission::Emission;
use super::event::{Event, Report};
use super::flight::{self, Flight};
use super::{LEASE, Names, Plan, RUN};
use crate::failure::Failure;

/// How many flights an agent computes at the same time. Each waits for its result to be on the
/// disk, and those that wait together share the write.
const WORKERS: usize = 128;

/// What an agent is told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AgentSpec {
    /// Its name
    #[arg(long)]
    pub(super) name: MemberName,
    /// The run it belongs to
    #[arg(long)]
    pub(super) run: String,
    /// kg CO2e per passenger and kilometre
    #[arg(long)]
    pub(super) factor: f64,
    /// Stop in the middle of a flight after as many
    #[arg(long)]
    pub(super) stall_after: Option<u64>,
}

struct Agent {
    broker: Arc<dyn Broker>,
    plan: Plan,
    stall_after: Option<u64>,
    taken: AtomicU64,
    report: Report,
}

/// Works until `stop` is cancelled, and then finishes what is begun.
pub(super) async fn work(
    broker: Arc<dyn Broker>,
    spec: AgentSpec,
    report: Report,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let names = Names::new()?;
    let (topic, group) = (names.flights.clone(), names.agents.clone());
    let agent = Arc::new(Agent {
        broker: broker.clone(),
        plan: Plan {
            names,
            run: spec.run,
            factor: spec.factor,
            // The topics are made by now.
            frames: false,
        },
        stall_after: spec.stall_after,
        taken: AtomicU64::new(0),
        report: report.clone(),
    });
    let consumer = Consumer::new(broker, topic, group)
        .member(spec.name)
        .workers(WORKERS)
        .prefetch(2 * WORKERS)
        .lease(LEASE)
        .cancel_on(stop)
        .start(move |incoming| {
            let agent = agent.clone();
            async move { agent.handle(&incoming).await }
        })
        .await?;
    report(Event::Ready);
    consumer.join().await?;
    Ok(())
}

/// Works as a process: events go to stdout, and the end of stdin asks it to stop. So it ends when
/// the demo does, however that ends.
pub(crate) async fn serve(broker: Arc<dyn Broker>, spec: AgentSpec) -> Result<(), Failure> {
    let report: Report = Arc::new(|event| {
        // A line is one write, whole or not at all. When the demo is gone, stdin says so.
        let line = format!("{event}\n");
        let _ = io::stdout().lock().write_all(line.as_bytes());
    });
    let stop = CancellationToken::new();
    let ask = stop.clone();
    // A thread of its own: it may never come back from reading, and nobody waits for it.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        ask.cancel();
    });
    work(broker.clone(), spec, report, stop).await?;
    Ok(broker.close().await?)
}

impl Agent {
    async fn handle(&self, incoming: &Incoming) -> Result<(), HandlerError> {
        // Somebody else may publish flights, too; they are none of this run's.
        if incoming.header(RUN) != Some(&self.plan.run) {
            return Ok(());
        }
        match incoming.history().last().map(|attempt| attempt.outcome) {
            None => {}
            Some(AttemptOutcome::LeaseExpired) => (self.report)(Event::Redelivered),
            Some(_) => (self.report)(Event::Retried),
        }
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        if self.stall_after == Some(taken) {
            (self.report)(Event::Stalled);
            std::future::pending::<()>().await;
        }
        if incoming.attempt() == 1 && flight::fails_first(incoming.id()) {
            return Err(HandlerError::retry("the emission service did not answer"));
        }
        let flight: Flight = incoming.decode()?;
        let emission = Emission::of(flight, self.plan.factor);
        // Stored before the flight is acked: an agent that dies in between leaves a flight that
        // is computed again, never one whose result is missing.
        let result = emission.message(&self.plan, incoming.id())?;
        self.broker.send(result).await?;
        let waited = SystemClock.now().since(incoming.created_at());
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        (self.report)(Event::Handled(micros));
        Ok(())
    }
}
