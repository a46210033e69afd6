//! The demo: 20 000 real flights through a group of agents that compute each flight's CO₂, fail
//! now and then, and of which one is killed in mid-work; a second group adds the results up. At the
//! end a ledger says what became of every message.

mod agent;
mod airport;
mod emission;
mod event;
mod fleet;
mod flight;
mod ledger;
mod publisher;
mod report;
mod scratch;
mod totals;

pub(crate) use agent::{AgentSpec, serve};
pub(crate) use ledger::Ledger;
pub(crate) use report::{object, print};
pub(crate) use scratch::Scratch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use glmsg::{
    Broker, ErrorKind, Frames, GroupConfig, GroupName, MessageId, StartFrom, TopicConfig, TopicName,
};

use self::event::Event;
use self::fleet::Fleet;
use self::publisher::Publisher;
use self::totals::Totalling;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// kg CO₂e for one passenger and one kilometre: UK government (DESNZ) greenhouse gas reporting
/// conversion factors 2023, business travel by air, domestic, average passenger, with radiative
/// forcing.
pub(crate) const FACTOR: f64 = 0.27257;

/// How many agents share the flights.
const AGENTS: usize = 3;
/// How many flights an agent has taken when it stops in the middle of one, and is killed.
const STALL_AFTER: u64 = 200;
/// Short, so that what the killed agent held comes again while the demo runs.
const LEASE: Duration = Duration::from_millis(1500);
/// When nothing has moved for this long, what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// The header that tells the messages of one run from those of another.
const RUN: &str = "demo-run";

/// The names of the topics and groups.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    flights: TopicName,
    emissions: TopicName,
    agents: GroupName,
    totals: GroupName,
}

impl Names {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            flights: TopicName::new("flights")?,
            emissions: TopicName::new("emissions")?,
            agents: GroupName::new("agents")?,
            totals: GroupName::new("totals")?,
        })
    }
}

/// What one run is about.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    names: Names,
    run: String,
    factor: f64,
    /// Whether the topics are to have frames.
    frames: bool,
}

impl Plan {
    pub(crate) fn new(factor: f64) -> Result<Self, Failure> {
        Ok(Self {
            names: Names::new()?,
            run: MessageId::new().to_string(),
            factor,
            frames: false,
        })
    }

    /// The same, with or without frames.
    pub(crate) fn frames(mut self, frames: bool) -> Self {
        self.frames = frames;
        self
    }
}

/// Runs the demo on `broker`, which agents in processes of their own reach by `url`.
pub(crate) async fn run(
    broker: &Arc<dyn Broker>,
    url: &str,
    plan: &Plan,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Ledger, Failure> {
    let names = &plan.names;
    if plan.frames {
        for topic in [&names.flights, &names.emissions] {
            with_frames(broker.as_ref(), topic).await?;
        }
    }
    fresh_group(broker.as_ref(), &names.flights, &names.agents).await?;
    fresh_group(broker.as_ref(), &names.emissions, &names.totals).await?;

    let mut fleet = Fleet::start(broker, url, plan).await?;
    let totalling = Totalling::start(broker, plan).await?;
    fleet.all_ready().await?;

    let started = Instant::now();
    let mut ledger = Ledger::new(broker.name(), plan.factor);
    ledger.frames = plan.frames;
    let mut publisher = Publisher::start(broker, plan, progress);
    let bar = progress.count("processed", flight::COUNT);
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let mut moved = (Instant::now(), 0);
    loop {
        tokio::select! {
            () = interrupt.finish.cancelled() => return Err(Failure::failed("interrupted")),
            event = fleet.next() => {
                let (agent, event) = event?;
                ledger.count(event);
                if event == Event::Stalled {
                    fleet.kill(agent).await?;
                    progress.note(&format!("killed agent-{agent} in mid-work"));
                }
            }
            published = publisher.done(), if ledger.published.is_none() => {
                ledger.published = Some(published?);
            }
            _ = tick.tick() => {
                let processed = totalling.flights()?;
                bar.set_position(processed);
                if processed != moved.1 {
                    moved = (Instant::now(), processed);
                }
                let waiting = moved.0.elapsed() < PATIENCE;
                if !waiting || is_done(broker.as_ref(), names, &ledger, processed).await? {
                    break;
                }
            }
        }
    }
    ledger.seconds = started.elapsed().as_secs_f64();
    for event in fleet.stop().await? {
        ledger.count(event);
    }
    for (topic, group) in [
        (&names.flights, &names.agents),
        (&names.emissions, &names.totals),
    ] {
        ledger.dead_lettered += broker.lag(topic, group).await?.dead_letters;
    }
    ledger.take(totalling.stop().await?);
    progress.clear();
    Ok(ledger)
}

/// The topic, made or changed so that its messages are packed.
async fn with_frames(broker: &dyn Broker, topic: &TopicName) -> Result<(), Failure> {
    if !broker.capability().frames {
        return Err(Failure::usage(format!(
            "{} has no frames: leave --frames out, or use a broker that has, such as \
             --broker redis://HOST:PORT",
            broker.name()
        )));
    }
    let config = TopicConfig::default().frames(Frames::default());
    Ok(broker.create_topic(topic, &config).await?)
}

/// The group, as if it were new: it begins behind what is there. So the demo can be run again on
/// a broker, deletes nothing but its own groups, and sees no message of another run.
async fn fresh_group(
    broker: &dyn Broker,
    topic: &TopicName,
    group: &GroupName,
) -> Result<(), Failure> {
    match broker.delete_group(topic, group).await {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e.into()),
        _ => {}
    }
    let config = GroupConfig::default().start(StartFrom::Latest);
    Ok(broker.create_group(topic, group, &config).await?)
}

/// Whether every flight is accounted for, and nothing is left that could come again.
async fn is_done(
    broker: &dyn Broker,
    names: &Names,
    ledger: &Ledger,
    processed: u64,
) -> Result<bool, Failure> {
    let Some(published) = ledger.published else {
        return Ok(false);
    };
    // Asking costs the broker something: only when all results are in, or nearly.
    if processed < published && !ledger.is_near(processed) {
        return Ok(false);
    }
    let agents = broker.lag(&names.flights, &names.agents).await?;
    let totals = broker.lag(&names.emissions, &names.totals).await?;
    Ok(agents.total() == 0
        && totals.total() == 0
        && processed + agents.dead_letters + totals.dead_letters >= published)
}
