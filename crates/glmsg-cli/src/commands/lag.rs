//! `glmsg lag`: how far groups are behind.

mod watch;

use std::time::Duration;

use glmsg::{Broker, GroupName, Lag, TopicName};
use serde_json::{Value, json};

use crate::arguments::duration;
use crate::failure::Failure;
use crate::session::{Access, Session};
use crate::table::{Align, Table};

/// How far groups are behind: of one topic, or of all.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of this topic [default: all]
    topic: Option<TopicName>,
    /// Of this group [default: all]
    #[arg(long, short)]
    group: Option<GroupName>,
    /// Look again and again, each 2 s or as said (--watch=500ms), until Ctrl-C. A terminal shows
    /// the last look, a file gets each; with --json an object a group and look, with its time
    #[arg(long, short, value_name = "INTERVAL", num_args = 0..=1, require_equals = true,
          default_missing_value = "2s", value_parser = interval)]
    watch: Option<Duration>,
}

/// A group, and how far it is behind.
type Row = (TopicName, GroupName, Lag);

fn interval(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        interval if interval < Duration::from_millis(100) => {
            Err("it must be 100ms at least".to_owned())
        }
        interval => Ok(interval),
    }
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    let broker = session.connect(Access::Existing).await?;
    if let Some(interval) = args.watch {
        let ended = watch::run(session, broker.as_ref(), &args, interval).await;
        return ended.and(session.close(&broker).await);
    }
    let rows = look(broker.as_ref(), &args).await?;
    if session.json {
        for row in &rows {
            session.out.json(&object(row))?;
        }
    }
    if rows.is_empty() {
        missing(&args)?;
    }
    if !session.json {
        session.out.table(&table(&rows), NOBODY)?;
    }
    session.close(&broker).await
}

/// Nothing was found: a mistake, if a group was named.
fn missing(args: &Args) -> Result<(), Failure> {
    match &args.group {
        Some(group) => Err(Failure::failed(format!("there is no group {group}"))),
        None => Ok(()),
    }
}

const NOBODY: &str = "no group reads anything here";

/// Asks for every group that is wanted.
async fn look(broker: &dyn Broker, args: &Args) -> glmsg::Result<Vec<Row>> {
    let topics = match &args.topic {
        Some(topic) => vec![topic.clone()],
        None => broker.topic_names().await?,
    };
    let mut rows = Vec::new();
    for topic in topics {
        let groups: Vec<GroupName> = match &args.group {
            // A user who may see its own group alone may not list them.
            Some(only) if args.topic.is_some() => vec![only.clone()],
            only => {
                let groups = match broker.groups(&topic).await {
                    // Deleted since it was listed.
                    Err(e) if args.topic.is_none() && e.kind() == glmsg::ErrorKind::NotFound => {
                        continue;
                    }
                    found => found?.into_iter().map(|g| g.name),
                };
                groups
                    .filter(|g| only.as_ref().is_none_or(|only| only == g))
                    .collect()
            }
        };
        for group in groups {
            let lag = broker.lag(&topic, &group).await?;
            rows.push((topic.clone(), group, lag));
        }
    }
    Ok(rows)
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        ("TOPIC", Align::Left),
        ("GROUP", Align::Left),
        ("LAG", Align::Right),
        ("UNDELIVERED", Align::Right),
        ("IN FLIGHT", Align::Right),
        ("DELAYED", Align::Right),
        ("OLDEST", Align::Right),
        ("DEAD", Align::Right),
    ]);
    for row in rows {
        table.row(cells(row));
    }
    table
}

fn object((topic, group, lag): &Row) -> Value {
    json!({
        "topic": topic.as_str(),
        "group": group.as_str(),
        "lag": lag.total(),
        "undelivered": lag.undelivered,
        "pending": lag.pending(),
        "in_flight": lag.in_flight,
        "delayed": lag.delayed,
        "oldest_age_seconds": lag.oldest_age.map(|age| age.as_secs_f64()),
        "dead_letters": lag.dead_letters,
    })
}

fn cells((topic, group, lag): &Row) -> [String; 8] {
    let oldest = lag
        .oldest_age
        .map(|age| format!("{:.1}s", age.as_secs_f64()));
    [
        topic.to_string(),
        group.to_string(),
        lag.total().to_string(),
        lag.undelivered.to_string(),
        lag.in_flight.to_string(),
        lag.delayed.to_string(),
        oldest.unwrap_or_else(|| "-".to_owned()),
        lag.dead_letters.to_string(),
    ]
}
