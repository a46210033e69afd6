//! `glmsg consume`: receive a group's messages, and print them or run a command for each.

mod attempts;
mod exec;
mod member;
mod print;

use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use glmsg::{ErrorKind, GroupName, Message, StartFrom, SubscribeOptions, TopicName};
use tokio::time::Instant;

use self::attempts::Attempts;
use self::member::Member;
use crate::arguments::{duration, start};
use crate::exporter::MetricsArgs;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::message_form::Form;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::waiting::timeout;

/// Receive a group's messages: print them, or run a command for each.
///
/// A message is acked after it was printed, or after its command ended with exit code 0. Killed at
/// any moment, the command loses nothing: what was not acked comes again, to any member of the
/// group, when its lease has run out. Ctrl-C and SIGTERM finish what is begun; a second one ends
/// at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// From this topic; it is created if it does not exist
    topic: TopicName,
    /// As a member of this group; it is created if it does not exist [default: consumer.group of the
    /// settings]
    #[arg(long, short)]
    group: Option<GroupName>,
    /// End after this many messages; with --exec, when as many are acked or dead letters
    #[arg(long, short = 'n', value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    count: Option<u64>,
    /// End when nothing came for this long [default: wait for ever]
    #[arg(long, short, value_name = "SECONDS", value_parser = duration)]
    wait: Option<Duration>,
    /// What to do with a message that was printed
    #[arg(long, value_enum, default_value = "ack", conflicts_with = "exec")]
    settle: Settle,
    /// Why, for --settle nack and reject; it stands in the message's history
    #[arg(long, value_name = "TEXT", conflicts_with = "exec")]
    reason: Option<String>,
    /// What to print of a message
    #[arg(
        long,
        short,
        value_enum,
        default_value = "json",
        conflicts_with = "exec"
    )]
    output: Form,
    /// Run this by sh -c for each message, the payload on its stdin and GLMSG_ID, GLMSG_TOPIC,
    /// GLMSG_ATTEMPT, GLMSG_KEY and TRACEPARENT in its environment: exit code 0 acks, anything else
    /// retries
    #[arg(long, short, value_name = "CMD")]
    exec: Option<String>,
    /// How many commands run at the same time [default: consumer.workers of the settings, or 1]
    #[arg(long, value_name = "N", requires = "exec",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    workers: Option<u16>,
    /// How long a message is this process's before another may have it; renewed while it lives
    /// [default: consumer.lease_ms of the settings, or 30]
    #[arg(long, value_name = "SECONDS", value_parser = duration)]
    lease: Option<Duration>,
    /// Where a group that does not exist yet begins: earliest, latest, a message's id, a time
    /// (2026-01-31T12:00:00Z; 2026-01-31 or "2026-01-31 12:00:00", UTC), or how long ago (30m, 24h)
    /// [default: consumer.start of the settings, or earliest]
    #[arg(long, value_name = "FROM", value_parser = start)]
    start: Option<StartFrom>,
    /// How long to wait for a broker that does not answer, such as a server that is restarted
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = timeout)]
    timeout: Duration,
    #[command(flatten)]
    metrics: MetricsArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Settle {
    /// It is done
    Ack,
    /// Nothing: it stays leased while this command runs, and comes again when the lease runs out
    None,
    /// It failed: it is retried by the default policy, and dead-lettered when its retries are used up
    Nack,
    /// It is refused: it becomes a dead letter
    Reject,
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    let options = options(&args, &session.preferences)?;
    options.check().map_err(|e| Failure::usage(e.to_string()))?;
    let interrupt = Interrupt::listen()?;
    let joined = Member::join(session, &args, &options, &interrupt).await?;
    let Some((mut member, exporter)) = joined else {
        return Ok(());
    };
    let broker = member.broker.clone();
    let attempts = Attempts::new(broker.as_ref(), &options, &session.preferences.retry);
    let outcome = match &args.exec {
        Some(command) => {
            let wanted = (&args, &options, attempts);
            exec::run(session, &mut member, wanted, command, &interrupt).await
        }
        None => print::run(session, &mut member, (&args, attempts), &interrupt).await,
    };
    // What its source still has, it gives back when it is dropped.
    drop(member);
    session.out.flush()?;
    exporter.finish(&interrupt).await;
    let closed = session.close(&broker).await;
    outcome.and(closed)
}

/// The subscription: by the options, else by the settings, else by default.
fn options(args: &Args, preferences: &Preferences) -> Result<SubscribeOptions, Failure> {
    let group = preferences.group(args.group.as_ref(), "consume")?;
    let mut options = SubscribeOptions::new(&args.topic, &group)?;
    if let Some(lease) = args.lease.or(preferences.lease) {
        options = options.lease(lease);
    }
    if let Some(start) = args.start.clone().or_else(|| preferences.start.clone()) {
        options = options.start(start);
    }
    if let Some(messages) = preferences.prefetch {
        options = options.prefetch(messages);
    }
    Ok(options)
}

/// What is wrong with a message's provenance. A signed one is for whoever has the keys to verify.
fn broken(message: &Message) -> Option<glmsg::Error> {
    let wrong = message.verify().err();
    wrong.filter(|e| e.kind() == ErrorKind::Codec)
}

/// Ends at the deadline; never without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// `--wait` as the time in which something must come. Even with 0 a broker is given the time to
/// look.
fn patience(args: &Args) -> Option<Duration> {
    args.wait.map(|wait| wait.max(Duration::from_millis(250)))
}
