//! `glmsg groups`: list, create, delete, members.

use glmsg::{
    ErrorKind, GroupConfig, GroupInfo, GroupName, MemberInfo, Ordering, StartFrom, TopicName,
};
use serde_json::{Value, json};

use crate::arguments::start;
use crate::failure::Failure;
use crate::session::{Access, Session};
use crate::table::{Align, Table};

/// Groups: list (the default), create, delete, members.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The groups of a topic, or of all
    List {
        /// Of this topic [default: all]
        topic: Option<TopicName>,
    },
    /// Create a group, before its first member comes
    Create {
        /// Of this topic; it is created if it does not exist
        topic: TopicName,
        /// Its name
        group: GroupName,
        /// Where it begins: earliest, latest, a message's id, a time (2026-01-31T12:00:00Z;
        /// 2026-01-31 or "2026-01-31 12:00:00", UTC), or how long ago (30m, 24h, 7d)
        #[arg(long, value_name = "FROM", default_value = "earliest", value_parser = start)]
        start: StartFrom,
        /// In which order it delivers
        #[arg(long, value_enum, default_value = "none")]
        ordering: Order,
        /// One that is there already is no failure, and stays as it is
        #[arg(long)]
        if_missing: bool,
    },
    /// Delete a group with what it has pending and its dead letters
    Delete {
        /// Of this topic
        topic: TopicName,
        /// This one
        group: GroupName,
    },
    /// Who reads for a group, and how much each holds
    Members {
        /// Of this topic
        topic: TopicName,
        /// Of this group
        group: GroupName,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Order {
    /// By priority, then by age
    None,
    /// And messages of one key one after the other
    PerKey,
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    match args.command.unwrap_or(Command::List { topic: None }) {
        Command::List { topic } => list(session, topic).await,
        Command::Create {
            topic,
            group,
            start,
            ordering,
            if_missing,
        } => {
            let ordering = match ordering {
                Order::None => Ordering::None,
                Order::PerKey => Ordering::PerKey,
            };
            let config = GroupConfig::default().start(start).ordering(ordering);
            let broker = session.connect(Access::Create).await?;
            let did = match broker.create_group(&topic, &group, &config).await {
                Err(error) if if_missing && error.kind() == ErrorKind::AlreadyExists => "kept",
                outcome => outcome.map(|()| "created")?,
            };
            done(session, did, &topic, &group)?;
            session.close(&broker).await
        }
        Command::Delete { topic, group } => {
            let broker = session.connect(Access::Existing).await?;
            broker.delete_group(&topic, &group).await?;
            done(session, "deleted", &topic, &group)?;
            session.close(&broker).await
        }
        Command::Members { topic, group } => members(session, &topic, &group).await,
    }
}

async fn list(session: &mut Session, topic: Option<TopicName>) -> Result<(), Failure> {
    let broker = session.connect(Access::Existing).await?;
    let topics = match topic {
        Some(topic) => vec![topic],
        None => broker.topic_names().await?,
    };
    let mut table = Table::new(&[
        ("TOPIC", Align::Left),
        ("GROUP", Align::Left),
        ("MEMBERS", Align::Right),
        ("ORDERING", Align::Left),
        ("CREATED", Align::Left),
    ]);
    for topic in topics {
        for group in broker.groups(&topic).await? {
            if session.json {
                session.out.json(&group_object(&group))?;
            } else {
                table.row([
                    group.topic.to_string(),
                    group.name.to_string(),
                    group.members.to_string(),
                    order(group.ordering).to_owned(),
                    group.created_at.to_string(),
                ]);
            }
        }
    }
    if !session.json {
        session.out.table(&table, "there are no groups")?;
    }
    session.close(&broker).await
}

async fn members(
    session: &mut Session,
    topic: &TopicName,
    group: &GroupName,
) -> Result<(), Failure> {
    let broker = session.connect(Access::Existing).await?;
    let mut table = Table::new(&[
        ("MEMBER", Align::Left),
        ("PENDING", Align::Right),
        ("SEEN", Align::Left),
    ]);
    for member in broker.members(topic, group).await? {
        if session.json {
            session.out.json(&member_object(&member))?;
        } else {
            table.row([
                member.name.to_string(),
                member.pending.to_string(),
                member.seen_at.to_string(),
            ]);
        }
    }
    if !session.json {
        session
            .out
            .table(&table, "nobody reads for this group now")?;
    }
    session.close(&broker).await
}

fn order(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::None => "none",
        Ordering::PerKey => "per-key",
    }
}

fn group_object(group: &GroupInfo) -> Value {
    json!({
        "topic": group.topic.as_str(),
        "group": group.name.as_str(),
        "members": group.members,
        "ordering": order(group.ordering),
        "created_at": group.created_at.to_string(),
    })
}

fn member_object(member: &MemberInfo) -> Value {
    json!({
        "member": member.name.as_str(),
        "pending": member.pending,
        "seen_at": member.seen_at.to_string(),
    })
}

fn done(
    session: &mut Session,
    what: &str,
    topic: &TopicName,
    group: &GroupName,
) -> Result<(), Failure> {
    if session.json {
        session
            .out
            .json(&json!({ "topic": topic.as_str(), "group": group.as_str(), "done": what }))
    } else {
        session.out.line(format!("{what} group {group} of {topic}"))
    }
}
