//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod completions;
#[cfg(feature = "config")]
pub(crate) mod config;
pub(crate) mod consume;
pub(crate) mod demo;
pub(crate) mod dlq;
pub(crate) mod doctor;
pub(crate) mod groups;
pub(crate) mod health;
pub(crate) mod lag;
pub(crate) mod monitor;
pub(crate) mod publish;
pub(crate) mod replay;
pub(crate) mod saga;
pub(crate) mod topics;
pub(crate) mod verify;

use glmsg::tracing::TracingLayer;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::preferences::Preferences;
use crate::session::Session;

/// Runs one command to its end. What it printed is out when this returns.
pub(crate) async fn run(
    cli: Cli,
    preferences: Preferences,
    layer: Option<TracingLayer>,
) -> Result<(), Failure> {
    #[cfg(feature = "config")]
    let file = cli.file().map(std::path::Path::to_path_buf);
    let mut session = Session::new(preferences, cli.json, cli.quiet, layer);
    let session = &mut session;
    // Boxed: a command's future is large, and the stack is not the place for the largest of all.
    match cli.command {
        Command::Publish(args) => Box::pin(publish::run(session, args)).await,
        Command::Consume(args) => Box::pin(consume::run(session, args)).await,
        Command::Dlq(command) => Box::pin(dlq::run(session, command)).await,
        Command::Lag(args) => Box::pin(lag::run(session, args)).await,
        Command::Monitor(args) => Box::pin(monitor::run(session, args)).await,
        Command::Topics(args) => Box::pin(topics::run(session, args)).await,
        Command::Groups(args) => Box::pin(groups::run(session, args)).await,
        Command::Doctor => Box::pin(doctor::run(session)).await,
        Command::Health => Box::pin(health::run(session)).await,
        Command::Replay(args) => Box::pin(replay::run(session, args)).await,
        Command::Saga(command) => Box::pin(saga::run(session, command)).await,
        Command::Verify(args) => Box::pin(verify::run(session, args)).await,
        Command::Bench(args) => Box::pin(bench::run(session, args)).await,
        Command::Demo(args) => Box::pin(demo::run(session, args)).await,
        Command::DemoAgent(args) => Box::pin(demo::run_agent(session, args)).await,
        Command::Completions(args) => completions::run(session, &args),
        #[cfg(feature = "config")]
        Command::Config(command) => {
            let given = config::Given {
                broker: cli.broker.as_deref(),
                file: file.as_deref(),
            };
            config::run(session, &command, &given)
        }
    }
}

/// What the command is to go by. Some look at settings themselves, or at none: a mistake in a file
/// must not keep anybody from asking what is right.
pub(crate) fn preferences(cli: &Cli) -> Result<Preferences, Failure> {
    match &cli.command {
        #[cfg(feature = "config")]
        Command::Config(_) => Ok(Preferences::of_broker(None)),
        Command::Completions(_) | Command::DemoAgent(_) => {
            Ok(Preferences::of_broker(cli.broker.clone()))
        }
        _ => Preferences::load(cli.broker.as_deref(), cli.file()),
    }
}
