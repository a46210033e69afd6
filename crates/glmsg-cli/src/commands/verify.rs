//! `glmsg verify`: the provenance of every stored message.

use glmsg::{Broker, ReplayQuery, StartFrom, TopicName};
use serde_json::json;

use crate::failure::Failure;
use crate::session::{Access, Session};
use crate::table::counted;

/// How many messages are read at once.
const PAGE: usize = 500;

/// Check the provenance of every stored message: of one topic, or of all. Exit code 1 if one does
/// not match; its id is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of this topic [default: all]
    topic: Option<TopicName>,
}

/// What was found in a topic.
#[derive(Debug, Default)]
struct Found {
    checked: u64,
    /// The ids of messages that do not match, or the positions of bytes that are no message; and
    /// why.
    bad: Vec<(String, String)>,
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    let broker = session.connect(Access::Existing).await?;
    let is_named = args.topic.is_some();
    let topics = match args.topic {
        Some(topic) => vec![topic],
        None => broker.topic_names().await?,
    };
    let mut checked = 0;
    let mut bad = 0;
    for topic in topics {
        let found = match check(broker.as_ref(), &topic).await {
            // Deleted since it was listed.
            Err(e) if !is_named && e.kind() == glmsg::ErrorKind::NotFound => {
                continue;
            }
            found => found?,
        };
        checked += found.checked;
        bad += found.bad.len();
        print(session, &topic, &found)?;
    }
    session.close(&broker).await?;
    match bad {
        0 => Ok(()),
        _ => Err(Failure::failed(format!(
            "{bad} of {checked} messages do not match their provenance"
        ))),
    }
}

async fn check(broker: &dyn Broker, topic: &TopicName) -> glmsg::Result<Found> {
    let mut found = Found::default();
    let mut from = StartFrom::Earliest;
    loop {
        let query = ReplayQuery::new(topic.clone(), from).limit(PAGE);
        let page = broker.replay(&query).await?;
        let Some(last) = page.last() else {
            return Ok(found);
        };
        from = StartFrom::After(last.position.clone());
        for stored in &page {
            found.checked += 1;
            match &stored.message {
                Ok(message) => {
                    if let Err(e) = message.verify() {
                        found.bad.push((message.id().to_string(), e.to_string()));
                    }
                }
                Err(e) => {
                    let place = format!("position {}", stored.position);
                    found.bad.push((place, e.to_string()));
                }
            }
        }
    }
}

fn print(session: &mut Session, topic: &TopicName, found: &Found) -> Result<(), Failure> {
    if session.json {
        let ids: Vec<&str> = found.bad.iter().map(|(id, _)| id.as_str()).collect();
        return session.out.json(&json!({
            "topic": topic.as_str(),
            "checked": found.checked,
            "bad": found.bad.len(),
            "ids": ids,
        }));
    }
    session.out.line(format!(
        "{topic}: {} checked, {} bad",
        counted(found.checked, "message"),
        found.bad.len()
    ))?;
    for (id, why) in &found.bad {
        session.out.line(format!("  {id}: {why}"))?;
    }
    Ok(())
}
