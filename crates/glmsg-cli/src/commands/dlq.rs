//! `glmsg dlq`: dead letters, listed, shown, redriven and purged.

mod print;

use glmsg::{
    Broker, DeadLetter, DeadLetterQuery, DeadLetterReason, DeadLetterSelector, GroupName,
    MessageId, TopicName,
};
use serde_json::json;

use crate::failure::Failure;
use crate::session::{Access, Session};
use crate::table::counted;

/// How many dead letters are read at once.
const PAGE: usize = 500;

/// Dead letters of a group: what it has given up on.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// One line for each, oldest first
    List(Args),
    /// Everything about each: its history and its payload
    Show(Args),
    /// Give them back to their group, and to no other, with attempts counted from zero
    Redrive(Args),
    /// Delete them for good
    Purge(Args),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of this topic
    topic: TopicName,
    /// Of this group; `glmsg lag` shows which have some [default: consumer.group of the settings]
    #[arg(long, short)]
    group: Option<GroupName>,
    /// This one; may be repeated
    #[arg(long, value_name = "ID", conflicts_with_all = ["all", "reason"])]
    id: Vec<MessageId>,
    /// All of them
    #[arg(long, conflicts_with = "reason")]
    all: bool,
    /// Those of this reason: max-retries, rejected, expired, undecodable or bad-provenance
    #[arg(long)]
    reason: Option<DeadLetterReason>,
    /// At most this many, the oldest [default: 100 for list and show, else no limit]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    limit: Option<usize>,
}

impl Args {
    /// Which are meant; `None` if that was not said.
    fn selector(&self) -> Option<DeadLetterSelector> {
        match (self.id.is_empty(), self.reason) {
            (false, _) => Some(DeadLetterSelector::Ids(self.id.clone())),
            (true, Some(reason)) => Some(DeadLetterSelector::Reason(reason)),
            (true, None) => self.all.then_some(DeadLetterSelector::All),
        }
    }

    fn query(&self, group: &GroupName) -> DeadLetterQuery {
        DeadLetterQuery::new(self.topic.clone(), group.clone())
            .selector(self.selector().unwrap_or(DeadLetterSelector::All))
    }
}

pub(crate) async fn run(session: &mut Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => look(session, &args, ("dlq list", print::list)).await,
        Command::Show(args) => look(session, &args, ("dlq show", print::show)).await,
        Command::Redrive(args) => act(session, &args, Action::Redrive).await,
        Command::Purge(args) => act(session, &args, Action::Purge).await,
    }
}

type Printer = fn(&mut Session, &[DeadLetter]) -> Result<(), Failure>;

async fn look(
    session: &mut Session,
    args: &Args,
    (command, printer): (&str, Printer),
) -> Result<(), Failure> {
    let group = session.preferences.group(args.group.as_ref(), command)?;
    let broker = session.connect(Access::Existing).await?;
    let limit = args.limit.unwrap_or(100);
    // One more than is shown tells whether that is all.
    let most = limit.saturating_add(1);
    let mut letters = read(broker.as_ref(), args, &group, most).await?;
    let more = letters.len() > limit;
    letters.truncate(limit);
    if letters.is_empty() && !args.id.is_empty() {
        return Err(none_of_these(args, &group));
    }
    printer(session, &letters)?;
    if more && !session.quiet {
        session.out.flush()?;
        session
            .progress
            .note(&format!("there are more than {limit}; --limit shows them"));
    }
    session.close(&broker).await
}

/// The first `limit` dead letters that are meant.
async fn read(
    broker: &dyn Broker,
    args: &Args,
    group: &GroupName,
    limit: usize,
) -> Result<Vec<DeadLetter>, Failure> {
    let mut letters = Vec::new();
    let mut after = None;
    loop {
        let wanted = limit.saturating_sub(letters.len()).min(PAGE);
        let query = args.query(group).limit(wanted).after(after);
        let page = broker.dead_letters(&query).await?;
        letters.extend(page.items);
        if page.next.is_none() || letters.len() >= limit {
            return Ok(letters);
        }
        after = page.next;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Redrive,
    Purge,
}

async fn act(session: &mut Session, args: &Args, action: Action) -> Result<(), Failure> {
    let command = match action {
        Action::Redrive => "dlq redrive",
        Action::Purge => "dlq purge",
    };
    let group = session.preferences.group(args.group.as_ref(), command)?;
    let Some(mut selector) = args.selector() else {
        return Err(Failure::usage(
            "say which dead letters: --id ID, --all or --reason R",
        ));
    };
    let broker = session.connect(Access::Existing).await?;
    if let Some(limit) = args.limit {
        let letters = read(broker.as_ref(), args, &group, limit).await?;
        selector = DeadLetterSelector::Ids(letters.iter().map(|l| l.id).collect());
    }
    let (topic, group) = (&args.topic, &group);
    let (done, count) = match action {
        Action::Redrive => ("redriven", broker.redrive(topic, group, &selector).await?),
        Action::Purge => ("purged", broker.purge(topic, group, &selector).await?),
    };
    if count == 0 && !args.id.is_empty() {
        return Err(none_of_these(args, group));
    }
    if session.json {
        let mut object = json!({ "topic": topic.as_str(), "group": group.as_str() });
        object[done] = count.into();
        session.out.json(&object)?;
    } else {
        let letters = counted(count, "dead letter");
        session
            .out
            .line(format!("{done} {letters} of {group} in {topic}"))?;
    }
    session.close(&broker).await
}

fn none_of_these(args: &Args, group: &GroupName) -> Failure {
    Failure::failed(format!(
        "{group} has no such dead letter in {}; 'glmsg dlq list' shows what there is",
        args.topic
    ))
}
