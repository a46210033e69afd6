//! 7: Journeys of a flight, a hotel and a car: all three are booked, or none stands.
//!
//! `cargo run -p glmsg --features saga --example saga [-- --broker URL]`
#![allow(clippy::print_stdout, reason = "a program that shows something")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use glmsg::patterns::saga::{
    SagaDefinition, SagaError, SagaId, SagaRunner, SagaStatus, Step, StepContext,
};
use glmsg::prelude::*;
use support::{Outcome, Run, expect};

/// What is booked, by journey and thing: a step that is run again after a crash books nothing twice.
type Bookings = Arc<Mutex<BTreeSet<String>>>;

/// A step that books a thing, and gives it back where the journey fails.
fn book(thing: &'static str, bookings: &Bookings) -> Step<String> {
    let (made, undone) = (bookings.clone(), bookings.clone());
    Step::new(thing, move |ctx: StepContext| {
        let bookings = made.clone();
        async move {
            if thing == "hotel" && ctx.attempt() == 1 {
                return Err(HandlerError::retry("the line is busy")); // again, at once
            }
            if thing == "car" && ctx.input::<u32>()? > 5 {
                return Err(HandlerError::reject("no car is that large")); // never again
            }
            let key = format!("{thing} of {}", ctx.saga_id());
            let mut bookings = bookings.lock().unwrap_or_else(PoisonError::into_inner);
            bookings.insert(key.clone());
            println!("  {thing} is booked, attempt {}", ctx.attempt());
            Ok(key)
        }
    })
    .compensate(move |ctx: StepContext, _: Option<String>| {
        let bookings = undone.clone();
        async move {
            let mut bookings = bookings.lock().unwrap_or_else(PoisonError::into_inner);
            bookings.remove(&format!("{thing} of {}", ctx.saga_id()));
            println!("  {thing} is given back");
            Ok(())
        }
    })
}

async fn saga(run: &Run) -> Outcome {
    let bookings = Bookings::default();
    let things = ["flight", "hotel", "car"];
    let journey = |bookings: &Bookings| {
        let journey = SagaDefinition::new("journey", 1);
        things.iter().fold(journey, |journey, thing| {
            journey.step(book(thing, bookings))
        })
    };
    let runner = SagaRunner::builder()
        .register(journey(&bookings))
        .open(&run.broker())
        .await?;

    println!("for 2 people:");
    let small = SagaId::new(run.topic("small")?.as_str())?;
    let done = runner.execute_as(&small, "journey", &2).await?;
    println!("  completed: {} bookings", done.outputs.len());

    println!("for 7 people:");
    let large = SagaId::new(run.topic("large")?.as_str())?;
    let undone = match runner.execute_as(&large, "journey", &7).await {
        Err(SagaError::Compensated(saga)) => saga,
        other => return Err(format!("expected a compensated saga, found {other:?}").into()),
    };
    println!(
        "  compensated: {}",
        undone.reason.as_deref().unwrap_or_default()
    );

    // The journal is in the broker. Another process with the definition goes on where one has ended.
    println!("for 4 people, begun by one process and done by another:");
    let other = SagaRunner::builder()
        .register(journey(&bookings))
        .open(&run.broker())
        .await?;
    let third = SagaId::new(run.topic("third")?.as_str())?;
    runner.start(&third, "journey", &4).await?;
    other.resume(&third).await?;
    let saga = other
        .store()
        .get(&third)
        .await?
        .ok_or("expected the third saga")?;
    let entries = other.store().journal(&third).await?.len();
    println!("  {}, {entries} entries in its journal", saga.status);

    let standing = bookings
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .len();
    expect("outputs of the first", done.outputs.len(), 3)?;
    expect(
        "status of the second",
        undone.status,
        SagaStatus::Compensated,
    )?;
    expect("status of the third", saga.status, SagaStatus::Completed)?;
    expect("bookings that stand", standing, 6)?;
    Ok(format!(
        "2 completed, 1 compensated, {standing} bookings stand"
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::run(saga).await
}
