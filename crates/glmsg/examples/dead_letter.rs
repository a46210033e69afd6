//! 9: What cannot be handled becomes a dead letter: listed with its history, given back, or removed.
//!
//! `cargo run -p glmsg --example dead_letter [-- --broker URL]`
#![allow(clippy::print_stdout, reason = "a program that shows something")]

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use glmsg::prelude::*;
use glmsg::{DeadLetterQuery, DeadLetterReason, DeadLetterSelector};
use support::{Outcome, Run, expect, until};

async fn dead_letter(run: &Run) -> Outcome {
    let (broker, topic) = (run.broker(), run.topic("landings")?);
    let group = GroupName::new("tower")?;
    for flight in 1..=20 {
        let message = Message::builder(&topic).max_retries(2);
        let message = match flight {
            1..=15 => message.json(&(flight, "ZRH")),
            16 | 17 => message.json(&(flight, "BSL")), // closed by fog
            _ => message.json(&"no landing at all"),
        };
        broker.send(message.build()?).await?;
    }
    println!("published 20 landings: 15 good, 2 at an airport in fog, 3 that are no landings");

    let landed = Arc::new(Mutex::new(BTreeSet::new()));
    let is_foggy = Arc::new(AtomicBool::new(true));
    let count = || landed.lock().unwrap_or_else(PoisonError::into_inner).len();
    let consumer = Consumer::new(broker.clone(), topic.clone(), group.clone())
        .retry(RetryPolicy::fixed(Duration::from_millis(50))) // default: at once, 1 s, 2 s
        .start({
            let (landed, is_foggy) = (landed.clone(), is_foggy.clone());
            move |incoming: Incoming| {
                let (landed, is_foggy) = (landed.clone(), is_foggy.clone());
                async move {
                    let (flight, airport): (u32, String) = incoming.decode()?;
                    if airport == "BSL" && is_foggy.load(Ordering::SeqCst) {
                        return Err(HandlerError::retry("BSL is in fog"));
                    }
                    landed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(flight);
                    Ok(())
                }
            }
        })
        .await?;
    until("15 have landed and 5 are dead letters", || {
        count() == 15 && consumer.stats().dead_lettered >= 5
    })
    .await?;

    let letters = broker
        .dead_letters(&DeadLetterQuery::new(topic.clone(), group.clone()))
        .await?;
    for letter in &letters.items {
        println!(
            "  {}, attempts {}: {}",
            letter.reason, letter.attempts, letter.detail
        );
    }
    let of = |reason| {
        letters
            .items
            .iter()
            .filter(|letter| letter.reason == reason)
            .count()
    };
    let (foggy, unreadable) = (
        of(DeadLetterReason::MaxRetries),
        of(DeadLetterReason::Undecodable),
    );
    println!("{foggy} used up three attempts, {unreadable} were refused at the first");

    // What can be mended goes back to the group, with its attempts counted anew.
    is_foggy.store(false, Ordering::SeqCst);
    let mended = DeadLetterSelector::Reason(DeadLetterReason::MaxRetries);
    let redriven = broker.redrive(&topic, &group, &mended).await?;
    until("those have landed too", || count() == 17).await?;
    println!("the fog is gone: {redriven} given back, and landed");

    let purged = broker
        .purge(&topic, &group, &DeadLetterSelector::All)
        .await?;
    println!("{purged} that nobody can mend removed");
    consumer.shutdown().await?;

    let lag = broker.lag(&topic, &group).await?;
    expect("in fog", foggy, 2)?;
    expect("unreadable", unreadable, 3)?;
    expect("redriven", redriven, 2)?;
    expect("purged", purged, 3)?;
    expect("dead letters left", lag.dead_letters, 0)?;
    Ok(format!(
        "20 published, {} handled, {purged} purged",
        count()
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::run(dead_letter).await
}
