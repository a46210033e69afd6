//! 2: Publishes in batches and takes in batches, and shows what is saved by it.
//!
//! `cargo run -p glmsg --example batch [-- --broker URL]`
#![allow(clippy::print_stdout, reason = "a program that shows something")]

mod support;

use std::collections::BTreeSet;
use std::time::Instant;

use glmsg::prelude::*;
use glmsg::{MessageBatch, Published};
use support::{Outcome, Run, expect};

async fn batch(run: &Run) -> Outcome {
    let (broker, topic) = (run.broker(), run.topic("positions")?);
    let position = |n: u32| {
        Message::builder(&topic)
            .json(&format!("flight {n} is over waypoint {}", n % 7))
            .build()
    };

    let began = Instant::now();
    for n in 0..100 {
        broker.send(position(n)?).await?;
    }
    let one_by_one = began.elapsed() / 100;
    println!("100 positions one by one: {one_by_one:.1?} each");

    let began = Instant::now();
    let mut last = MessageBatch::new();
    for first in (100..1_000).step_by(100) {
        let mut batch = MessageBatch::new();
        for n in first..first + 100 {
            batch.push(position(n)?)?;
        }
        let outcomes = broker.publish(&batch).await?; // one outcome for each message
        let stored = outcomes.iter().filter(|o| matches!(o, Published::Stored));
        expect("stored of a batch", stored.count(), 100)?;
        last = batch;
    }
    let in_batches = began.elapsed() / 900;
    println!("900 positions in nine batches: {in_batches:.1?} each");

    // As after an answer that was lost: the messages have their ids, so a broker that can tell stores none twice.
    let again = broker.publish(&last).await?;
    let added = again
        .iter()
        .filter(|o| matches!(o, Published::Stored))
        .count();
    println!(
        "the last batch once more: {added} of {} stored again",
        again.len()
    );
    if broker.capability().idempotent_publish {
        expect("stored again", added, 0)?;
    }

    let mut radar = broker
        .subscribe(SubscribeOptions::new(&topic, "radar")?)
        .await?;
    let mut seen = BTreeSet::new();
    let (mut deliveries, mut batches) = (0, 0);
    while deliveries < 1_000 + added {
        let batch = radar.recv_batch(256).await?;
        seen.extend(batch.iter().map(|delivery| delivery.message().id()));
        deliveries += batch.len();
        batches += 1;
        Delivery::ack_all(batch).await?; // one call for all of them
    }
    radar.close().await?;
    println!("{deliveries} deliveries in {batches} batches, each acked with one call");

    let lag = broker.lag(&topic, &GroupName::new("radar")?).await?;
    expect("what waits in the group", lag.total(), 0)?;
    expect("different positions", seen.len(), 1_000)?;
    Ok(format!(
        "1000 published, {} of them twice, {} received",
        again.len(),
        seen.len()
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::run(batch).await
}
