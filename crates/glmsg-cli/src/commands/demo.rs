//! `glmsg demo`, and the agents it starts.

use crate::demo::{self, AgentSpec, FACTOR, Plan, Scratch, serve};
use crate::exporter::MetricsArgs;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::session::{Access, Session, connect};

/// 20 000 real flights through agents that fail and die, with a ledger at the end.
///
/// Publishes 20 000 flights of 2001 (US Department of Transportation) to the topic flights. The
/// group agents, three processes where the broker allows it, computes each flight's CO2 and
/// publishes it to the topic emissions; two of a hundred first attempts fail, and one agent is
/// killed in mid-work. The group totals adds the results up by airport. Without --broker it runs
/// on a temporary SQLite file. On a broker of yours it begins by creating its two groups anew, and
/// leaves its topics there for you to look at.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// kg CO2e per passenger and kilometre. The default is the UK government's (DESNZ) greenhouse
    /// gas conversion factor of 2023 for domestic flights, average passenger, with radiative
    /// forcing
    #[arg(long, value_name = "KG", default_value_t = FACTOR, value_parser = factor)]
    factor: f64,
    /// Pack the messages of both topics into frames, where the broker can
    #[arg(long)]
    frames: bool,
    #[command(flatten)]
    metrics: MetricsArgs,
}

/// What an agent is started with; the broker comes by the environment.
#[derive(Debug, clap::Args)]
pub(crate) struct AgentArgs {
    #[command(flatten)]
    spec: AgentSpec,
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor >= 0.0 => Ok(factor),
        _ => Err("write it like 0.27257".to_owned()),
    }
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    let plan = Plan::new(args.factor)?.frames(args.frames);
    let interrupt = Interrupt::listen()?;
    // Held to the end: the file goes with it.
    let scratch = match session.given_broker() {
        None if cfg!(feature = "sqlite") => Some(Scratch::create()?),
        _ => None,
    };
    let url = match (session.given_broker(), &scratch) {
        (Some(url), _) => url.to_owned(),
        (None, Some(scratch)) => scratch.url(),
        (None, None) => "memory:".to_owned(),
    };
    let broker = match session.given_broker() {
        Some(_) => session.connect(Access::Create).await?,
        None => connect(&url).await?,
    };
    let (broker, exporter) = args.metrics.serve(session, broker).await?;
    let outcome = demo::run(&broker, &url, &plan, &session.progress, &interrupt).await;
    session.progress.clear();
    let ledger = match outcome {
        Ok(ledger) => ledger,
        Err(failure) => {
            let _ = broker.close().await;
            return Err(failure);
        }
    };
    if session.json {
        session.out.json(&demo::object(&ledger))?;
    } else {
        demo::print(&mut session.out, &ledger)?;
    }
    session.out.flush()?;
    exporter.finish(&interrupt).await;
    session.close(&broker).await?;
    drop(scratch);
    let (lost, duplicates) = (ledger.lost(), ledger.duplicates);
    if lost + duplicates + ledger.dead_lettered > 0 {
        return Err(Failure::failed(format!(
            "the ledger does not balance: {lost} lost, {duplicates} duplicates, {} dead letters",
            ledger.dead_lettered
        )));
    }
    Ok(())
}

pub(crate) async fn run_agent(session: &mut Session, args: AgentArgs) -> Result<(), Failure> {
    let broker = session.connect(Access::Existing).await?;
    serve(broker, args.spec).await
}
