//! `glmsg topics`: list, create, delete.

use std::time::Duration;

use glmsg::{Frames, Overflow, TopicConfig, TopicInfo, TopicName};
use serde_json::{Value, json};

use crate::arguments::duration;
use crate::failure::Failure;
use crate::session::{Access, Session};
use crate::table::{Align, Table};

/// Topics: list (the default), create, delete.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// All topics
    List,
    /// Create a topic, or change the bounds of one
    Create(Create),
    /// Delete a topic with its messages, groups and dead letters
    Delete {
        /// This one
        topic: TopicName,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// Its name
    topic: TopicName,
    /// The most messages it holds, acked ones kept for replay included [default, as of all bounds: the
    /// settings, or 100000]
    #[arg(long, value_name = "N")]
    max_len: Option<u64>,
    /// How long an acked message is kept for replay [default: 7d]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_age: Option<Duration>,
    /// How long a dead letter is kept [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    dead_letter_age: Option<Duration>,
    /// What happens when it is full of messages that are not acked
    /// [default: reject]
    #[arg(long, value_enum)]
    overflow: Option<WhenFull>,
    /// Pack so many messages into a frame at most, where the broker can
    #[arg(long, value_name = "N")]
    frames: Option<u32>,
    /// How long a publish may be held back to share a frame [default: 1ms]
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "frames")]
    frame_delay: Option<Duration>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum WhenFull {
    /// A publish is refused; nothing is lost
    Reject,
    /// The oldest message goes, acked or not
    DropOldest,
}

impl Create {
    /// The bounds that are named, and for the others those of the settings.
    fn config(&self, defaults: &TopicConfig) -> TopicConfig {
        let mut config = defaults.clone();
        if let Some(overflow) = self.overflow {
            config = config.overflow(match overflow {
                WhenFull::Reject => Overflow::Reject,
                WhenFull::DropOldest => Overflow::DropOldest,
            });
        }
        if let Some(messages) = self.max_len {
            config = config.max_len(messages);
        }
        if let Some(age) = self.max_age {
            config = config.max_age(age);
        }
        if let Some(age) = self.dead_letter_age {
            config = config.dead_letter_age(age);
        }
        if let Some(messages) = self.frames {
            let mut frames = Frames::default().max_messages(messages);
            if let Some(delay) = self.frame_delay {
                frames = frames.max_delay(delay);
            }
            config = config.frames(frames);
        }
        config
    }
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    match args.command.unwrap_or(Command::List) {
        Command::List => list(session).await,
        Command::Create(create) => {
            let config = create.config(&session.preferences.topic);
            config.check().map_err(|e| Failure::usage(e.to_string()))?;
            let broker = session.connect(Access::Create).await?;
            broker.create_topic(&create.topic, &config).await?;
            done(session, "created", &create.topic)?;
            session.close(&broker).await
        }
        Command::Delete { topic } => {
            let broker = session.connect(Access::Existing).await?;
            broker.delete_topic(&topic).await?;
            done(session, "deleted", &topic)?;
            session.close(&broker).await
        }
    }
}

async fn list(session: &mut Session) -> Result<(), Failure> {
    let broker = session.connect(Access::Existing).await?;
    let mut table = Table::new(&[
        ("TOPIC", Align::Left),
        ("MESSAGES", Align::Right),
        ("SCHEDULED", Align::Right),
        ("GROUPS", Align::Right),
        ("DEAD", Align::Right),
        ("MAX LEN", Align::Right),
    ]);
    for topic in broker.topics().await? {
        if session.json {
            session.out.json(&object(&topic))?;
        } else {
            table.row([
                topic.name.to_string(),
                topic.messages.to_string(),
                topic.scheduled.to_string(),
                topic.groups.to_string(),
                topic.dead_letters.to_string(),
                topic.config.max_len.to_string(),
            ]);
        }
    }
    if !session.json {
        session.out.table(&table, "there are no topics")?;
    }
    session.close(&broker).await
}

fn object(topic: &TopicInfo) -> Value {
    json!({
        "topic": topic.name.as_str(),
        "messages": topic.messages,
        "scheduled": topic.scheduled,
        "groups": topic.groups,
        "dead_letters": topic.dead_letters,
        "max_len": topic.config.max_len,
        "max_age_seconds": topic.config.max_age.as_secs_f64(),
        "dead_letter_age_seconds": topic.config.dead_letter_age.as_secs_f64(),
        "overflow": match topic.config.overflow {
            Overflow::Reject => "reject",
            Overflow::DropOldest => "drop-oldest",
        },
        "frames": topic.config.frames.map(|frames| json!({
            "max_messages": frames.max_messages,
            "max_delay_ms": frames.max_delay.as_secs_f64() * 1000.0,
        })),
    })
}

fn done(session: &mut Session, what: &str, topic: &TopicName) -> Result<(), Failure> {
    if session.json {
        session
            .out
            .json(&json!({ "topic": topic.as_str(), "done": what }))
    } else {
        session.out.line(format!("{what} topic {topic}"))
    }
}
