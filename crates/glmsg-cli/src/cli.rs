//! The command line: global options and the list of commands. What a command takes stands in its
//! own file.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

#[cfg(feature = "config")]
use crate::commands::config;
use crate::commands::{
    bench, completions, consume, demo, dlq, groups, lag, monitor, publish, replay, saga, topics,
    verify,
};
use crate::failure::Failure;
use crate::logging::Logging;
use crate::wanted_form;

/// Publish, consume and operate a glmsg broker.
///
/// Exit codes: 0 done, 1 failed, 2 the command line makes no sense.
#[derive(Parser)]
#[command(
    name = "glmsg",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// Where the messages are: sqlite:PATH, redis://HOST:PORT, memory: [default: sqlite:glmsg.db]
    // The value may hold a password, so help does not show it.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "GLMSG_BROKER",
        hide_env_values = true
    )]
    pub(crate) broker: Option<String>,

    /// A file of settings, in YAML, TOML or JSON; see the command config
    #[cfg(feature = "config")]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        value_hint = clap::ValueHint::FilePath,
        env = "GLMSG_CONFIG",
        help_heading = "Global options"
    )]
    config: Option<OsString>,

    /// Print JSON, one object a line; an error is one on stderr
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,

    /// No progress and no summary on stderr, only what went wrong
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) logging: Logging,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// The file of settings that was named.
    pub(crate) fn file(&self) -> Option<&Path> {
        // An empty variable is the usual way to unset one.
        #[cfg(feature = "config")]
        return self
            .config
            .as_deref()
            .filter(|path| !path.is_empty())
            .map(Path::new);
        #[cfg(not(feature = "config"))]
        None
    }
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Publish lines, JSON values or a file to a topic
    Publish(publish::Args),
    /// Receive a group's messages: print them, or run a command for each
    Consume(consume::Args),
    /// Dead letters: list, show, redrive, purge
    #[command(subcommand)]
    Dlq(dlq::Command),
    /// How far groups are behind
    Lag(lag::Args),
    /// Serve metrics of how far groups are behind
    Monitor(monitor::Args),
    /// Topics: list, create, delete
    Topics(topics::Args),
    /// Groups of a topic: list, create, delete, members
    Groups(groups::Args),
    /// Whether the broker can do its work
    ///
    /// It tries what a publish and a receive need done. Exit code 1 if the broker does not answer
    /// or cannot do its work, 2 if it is refused for how it is set up: doctor says why.
    Health,
    /// How the broker is set up: whether it keeps messages, has room, and knows the time
    ///
    /// It changes nothing. Exit code 1 if there is a problem, or nothing that answers; 0 where
    /// there are only warnings.
    Doctor,
    /// Read a topic again, whoever has acked it
    Replay(replay::Args),
    /// Sagas: list, show, resume, compensate
    #[command(subcommand)]
    Saga(saga::Command),
    /// Check the provenance of every stored message
    Verify(verify::Args),
    /// A quick look at the rates of this broker
    Bench(bench::Args),
    /// 20 000 real flights through agents that fail and die, with a ledger at the end
    Demo(demo::Args),
    /// An agent of the demo; see [`AgentCli`].
    #[command(skip)]
    DemoAgent(demo::AgentArgs),
    /// Settings: check, show, schema, reference
    #[cfg(feature = "config")]
    #[command(subcommand)]
    Config(config::Command),
    /// A completion script for a shell
    Completions(completions::Args),
}

/// The command line by which the demo starts its agents. It is no part of the public one, so that
/// neither help nor completions know it.
#[derive(Parser)]
struct AgentCli {
    #[arg(long, env = "GLMSG_BROKER", hide_env_values = true)]
    broker: String,
    #[command(flatten)]
    args: demo::AgentArgs,
}

/// What [`AgentCli`] begins with.
pub(crate) const AGENT: &str = "demo-agent";

fn try_parse() -> Result<Cli, clap::Error> {
    let mut words = std::env::args_os().peekable();
    let program = words.next();
    if words.next_if(|word| word == AGENT).is_none() {
        return Cli::try_parse();
    }
    let agent = AgentCli::try_parse_from(program.into_iter().chain(words))?;
    Ok(Cli {
        broker: Some(agent.broker),
        #[cfg(feature = "config")]
        config: None,
        json: false,
        quiet: true,
        logging: Logging::default(),
        command: Command::DemoAgent(agent.args),
    })
}

/// Reads the command line; `Err` is the exit code of a run that ends here.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    let error = match try_parse() {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    let words = || std::env::args_os().skip(1);
    match error.kind() {
        // A page of help is nothing for a program.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if wanted_form::is_said(words()) => {
            wanted_form::follow(words());
            let command = asked_for(words());
            let text = format!("'{command}' requires a subcommand but one was not provided");
            Err(Failure::usage(one_line(&text, &command)).report())
        }
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // A closed pipe after `--help | head` is nobody's problem.
            let _ = error.print();
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            Err(ExitCode::from(code))
        }
        _ => {
            wanted_form::follow(words());
            let line = one_line(&error.to_string(), &asked_for(words()));
            Err(Failure::usage(line).report())
        }
    }
}

/// The command that was meant, as far as it can be told: `glmsg dlq list`.
fn asked_for(words: impl Iterator<Item = OsString>) -> String {
    let mut meant = Cli::command();
    let mut name = meant.get_name().to_owned();
    for word in words {
        if let Some(next) = meant.find_subcommand(&word).cloned() {
            name = format!("{name} {}", next.get_name());
            meant = next;
        }
    }
    name
}

/// clap explains an error in a paragraph and adds the usage; a script's log wants one line.
fn one_line(text: &str, command: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let end = ["\n\nUsage:", "\n\nFor more information"]
        .iter()
        .filter_map(|tail| text.find(tail))
        .min()
        .unwrap_or(text.len());
    let words: Vec<&str> = text[..end].split_whitespace().collect();
    format!("{}; see '{command} --help'", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_error_of_the_command_line_is_one_line() {
        let Err(error) = Cli::try_parse_from(["glmsg", "replay", "flights"]) else {
            panic!("a replay from nowhere is refused");
        };
        let line = one_line(&error.to_string(), "glmsg replay");
        assert_eq!(line.lines().count(), 1);
        assert!(line.contains("--from"), "{line}");
        assert!(!line.contains("Usage"), "{line}");
        assert!(line.ends_with("; see 'glmsg replay --help'"), "{line}");
    }

    #[test]
    fn an_error_points_at_the_command_that_was_meant() {
        for (words, command) in [
            ("", "glmsg"),
            ("frobnicate", "glmsg"),
            ("consume flights", "glmsg consume"),
            ("--broker memory: consume lag", "glmsg consume"),
            ("dlq list t", "glmsg dlq list"),
            ("--json dlq frobnicate", "glmsg dlq"),
        ] {
            let words = words.split_whitespace().map(OsString::from);
            assert_eq!(asked_for(words), command);
        }
    }
}
