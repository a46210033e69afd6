//! 1: Publishes flights to a topic, and handles each in a group with four workers.
//!
//! `cargo run -p glmsg --example basic [-- --broker URL]`
#![allow(clippy::print_stdout, reason = "a program that shows something")]

mod support;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use glmsg::prelude::*;
use serde::{Deserialize, Serialize};
use support::{Outcome, Run, expect, until};

#[derive(Serialize, Deserialize)]
struct Flight {
    number: u32,
    from: String,
    miles: u64,
}

/// Miles by the number of the flight. A message may come twice; here that changes nothing.
type Ledger = Arc<Mutex<BTreeMap<u32, u64>>>;

async fn basic(run: &Run) -> Outcome {
    let (broker, topic) = (run.broker(), run.topic("flights")?);

    for number in 1..=100 {
        let flight = Flight {
            number,
            from: "ZRH".to_owned(),
            miles: 400 + u64::from(number),
        };
        let message = Message::builder(&topic)
            .json(&flight)
            .header("airport", &flight.from)
            .ttl(Duration::from_secs(3600));
        let message = match number % 10 {
            0 => message.priority(Priority::High),
            _ => message,
        };
        broker.send(message.build()?).await?; // it is stored now
    }
    println!(
        "published 100 flights, 10 of them with high priority, on {}",
        broker.name()
    );

    let ledger = Ledger::default();
    let consumer = Consumer::new(broker.clone(), topic.clone(), "ledger")
        .workers(4)
        .start({
            let ledger = ledger.clone();
            move |incoming: Incoming| {
                let ledger = ledger.clone();
                async move {
                    let flight: Flight = incoming.decode()?; // not a flight: a dead letter
                    let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                    ledger.insert(flight.number, flight.miles);
                    Ok(()) // acked
                }
            }
        })
        .await?;
    until("all flights are handled", || {
        consumer.stats().handled >= 100
    })
    .await?;
    let report = consumer.shutdown().await?;
    println!(
        "4 workers handled them; half took no longer than {:?} each",
        report.stats.latency.p50
    );

    let lag = broker.lag(&topic, &GroupName::new("ledger")?).await?;
    let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let miles: u64 = ledger.values().sum();
    println!(
        "{} flights, {miles} miles; {} wait in the group",
        ledger.len(),
        lag.total()
    );

    expect("flights in the ledger", ledger.len(), 100)?;
    expect("miles", miles, 100 * 400 + 5_050)?;
    expect("what waits in the group", lag.total(), 0)?;
    Ok(format!(
        "100 published, {} handled, {miles} miles",
        ledger.len()
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::run(basic).await
}
