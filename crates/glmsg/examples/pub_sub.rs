//! 5: Events of flights, to everybody who subscribed to them by wildcard.
//!
//! `cargo run -p glmsg --features pub-sub --example pub_sub [-- --broker URL]`
#![allow(clippy::print_stdout, reason = "a program that shows something")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use glmsg::patterns::pub_sub::PubSub;
use glmsg::prelude::*;
use support::{Outcome, Run, expect, until};

/// The ids of the events that a subscription has been given.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeSet<MessageId>>>);

impl Seen {
    fn add(&self, id: MessageId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id);
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

async fn publish(events: &PubSub, root: &TopicName, what: &str) -> glmsg::Result<()> {
    let topic = TopicName::new(format!("{root}.{what}"))?;
    for flight in 1..=10 {
        let event = Message::builder(&topic).json(&flight);
        events.publish(event).await?;
    }
    println!("published 10 events {what}");
    Ok(())
}

async fn pub_sub(run: &Run) -> Outcome {
    let (events, root) = (PubSub::new(run.broker()), run.topic("flights")?);
    publish(&events, &root, "zrh.departed").await?;
    publish(&events, &root, "zrh.delayed").await?;

    // A name and a pattern: every name gets every event that matches, also those from before.
    let wanted = [
        ("archive", format!("{root}.**"), 50, 5),
        ("delays", format!("{root}.*.delayed"), 30, 3),
        ("zurich", format!("{root}.zrh.>"), 20, 2),
    ];
    let mut subscriptions = Vec::new();
    for (name, pattern, expected, topics) in &wanted {
        let seen = Seen::default();
        let handle = events
            .subscribe(pattern.as_str(), *name)
            .look_every(Duration::from_millis(200)) // for brokers that cannot announce
            .start({
                let seen = seen.clone();
                move |event: Incoming| {
                    let seen = seen.clone();
                    async move {
                        seen.add(event.id());
                        Ok(())
                    }
                }
            })
            .await?;
        subscriptions.push((*name, seen, *expected, *topics, handle));
    }
    println!("three subscriptions; now come topics that none of them has seen:");
    publish(&events, &root, "bsl.departed").await?;
    publish(&events, &root, "bsl.delayed").await?;
    publish(&events, &root, "gva.delayed").await?;

    let mut counts = Vec::new();
    for (name, seen, expected, topics, handle) in subscriptions {
        until("every subscription has its events", || {
            seen.count() >= expected && handle.topics().len() == topics
        })
        .await?;
        handle.shutdown().await?;
        println!("{name:8} {} events of {topics} topics", seen.count());
        expect(name, seen.count(), expected)?;
        counts.push(format!("{name} {}", seen.count()));
    }

    // A subscription that is not needed any more is ended, or its topics fill up for it.
    let mut groups = 0;
    for (name, pattern, ..) in &wanted {
        groups += events.unsubscribe(pattern.as_str(), *name).await?;
    }
    println!("ended for good: {groups} groups deleted");
    expect("groups deleted", groups, 5 + 3 + 2)?;
    Ok(format!("50 published; {}", counts.join(", ")))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::run(pub_sub).await
}
