//! `glmsg lag`: how far groups are behind.

use glmsg::{GroupName, Lag, TopicName};
use serde_json::json;

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
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    let broker = session.connect(Access::Existing).await?;
    let is_one_topic = args.topic.is_some();
    let topics = match args.topic {
        Some(topic) => vec![topic],
        None => broker.topic_names().await?,
    };
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
    let mut found = false;
    for topic in topics {
        let groups: Vec<GroupName> = match &args.group {
            // A user who may see its own group alone may not list them.
            Some(only) if is_one_topic => vec![only.clone()],
            only => {
                let groups = broker.groups(&topic).await?.into_iter().map(|g| g.name);
                groups
                    .filter(|g| only.as_ref().is_none_or(|only| only == g))
                    .collect()
            }
        };
        for group in groups {
            found = true;
            let lag = broker.lag(&topic, &group).await?;
            if session.json {
                session.out.json(&object(&topic, &group, &lag))?;
            } else {
                table.row(cells(&topic, &group, &lag));
            }
        }
    }
    if let Some(group) = args.group.filter(|_| !found) {
        return Err(Failure::failed(format!("there is no group {group}")));
    }
    if !session.json {
        session.out.table(&table, "no group reads anything here")?;
    }
    session.close(&broker).await
}

fn object(topic: &TopicName, group: &GroupName, lag: &Lag) -> serde_json::Value {
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

fn cells(topic: &TopicName, group: &GroupName, lag: &Lag) -> [String; 8] {
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
