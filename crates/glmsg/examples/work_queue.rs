//! 4: Tasks of three airlines, shared by workers: fair turns, more workers on the way, a result to wait for.
//!
//! `cargo run -p glmsg --features work-queue --example work_queue [-- --broker URL]`
#![allow(clippy::print_stdout, reason = "a program that shows something")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use glmsg::patterns::work_queue::{Job, TaskEnd, WorkQueue};
use glmsg::prelude::*;
use support::{Outcome, Run, expect, until};

/// How many bags each airline has to check. The first has a backlog.
const BAGS: [(&str, u32); 3] = [("long-haul", 200), ("regional", 10), ("charter", 10)];

#[derive(Default)]
struct Checked {
    /// Who had their turn, in its order.
    turns: Vec<String>,
    bags: BTreeSet<(String, u32)>,
    failed: BTreeSet<(String, u32)>,
}

/// Checks a bag. The scanner fails once for every fiftieth.
async fn check(job: Job, checked: Arc<Mutex<Checked>>) -> Result<String, HandlerError> {
    let bag = (job.tenant().unwrap_or("-").to_owned(), job.decode::<u32>()?);
    job.progress(0.5, "in the scanner").await?;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let mut checked = checked.lock().unwrap_or_else(PoisonError::into_inner);
    if bag.1 % 50 == 0 && checked.failed.insert(bag.clone()) {
        return Err(HandlerError::retry("the scanner is jammed"));
    }
    checked.turns.push(bag.0.clone());
    let result = format!("bag {} of {} is safe", bag.1, bag.0);
    checked.bags.insert(bag);
    Ok(result)
}

async fn work_queue(run: &Run) -> Outcome {
    let broker = run.broker();
    let queue = WorkQueue::new(broker.clone(), run.topic("bags")?)?;
    for (airline, bags) in BAGS {
        let tasks = (1..=bags).map(|bag| queue.task().with(|m| m.json(&bag)).tenant(airline));
        for task in queue.submit_batch(tasks).await? {
            task?;
        }
    }
    println!("submitted 220 tasks: {BAGS:?}");

    let checked = Arc::new(Mutex::new(Checked::default()));
    let seen = || checked.lock().unwrap_or_else(PoisonError::into_inner);
    let pool = queue
        .workers(2)
        .start({
            let checked = checked.clone();
            move |job: Job| check(job, checked.clone())
        })
        .await?;
    until("40 bags are checked", || seen().bags.len() >= 40).await?;
    pool.set_workers(8)?;
    println!("2 workers have checked 40 bags; now there are 8");
    until("all bags are checked", || seen().bags.len() == 220).await?;

    let mut first = BTreeMap::<String, u32>::new();
    for airline in seen().turns.iter().take(40) {
        *first.entry(airline.clone()).or_default() += 1;
    }
    println!("the first 40 by airline: {first:?}; who has little waits little");
    let retried = seen().failed.len();
    println!("{retried} attempts failed, and were made again");
    let busy = pool.worker_stats();
    println!(
        "{} workers did {} tasks",
        busy.len(),
        busy.iter().map(|w| w.done).sum::<u64>()
    );

    // Who submits can wait for the result, where the broker keeps any.
    if broker.capability().storage {
        let task = queue.task().with(|m| m.json(&7)).tenant("private");
        let task = queue
            .submit(task.keep_result(Duration::from_secs(60)))
            .await?;
        match queue.result(&task, Duration::from_secs(60)).await? {
            TaskEnd::Done(result) => {
                let result = String::from_utf8_lossy(result.payload());
                println!("the result of one more: {result}");
                expect("the result", &*result, "bag 7 of private is safe")?;
            }
            TaskEnd::Dead(letter) => return Err(format!("expected a result: {letter:?}").into()),
        }
    } else {
        println!("{} keeps no results", broker.name());
    }
    pool.shutdown().await?;

    let waits: u64 = queue
        .lag()
        .await?
        .iter()
        .map(|tenant| tenant.lag.total())
        .sum();
    expect("what waits in the queue", waits, 0)?;
    expect("failed attempts", retried, 4)?;
    Ok(format!("220 submitted, 220 done, {retried} retried"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::run(work_queue).await
}
