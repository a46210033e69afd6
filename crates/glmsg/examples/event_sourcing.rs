//! 6: A flight as the list of what happened to it: versions, a view that follows, an audit, a chain of hashes.
//!
//! `cargo run -p glmsg --features event-sourcing --example event_sourcing [-- --broker URL]`
#![allow(clippy::print_stdout, reason = "a program that shows something")]

mod support;

use glmsg::Expected;
use glmsg::patterns::event_sourcing::{
    AppendError, AuditQuery, Event, EventStore, NewEvent, ReplayFrom,
};
use serde::{Deserialize, Serialize};
use support::{Outcome, Run, expect};

/// What the events of a flight lead to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Flight {
    aboard: u32,
    gate: Option<String>,
    is_closed: bool,
}

fn apply(flight: &mut Flight, event: &Event) -> glmsg::Result<()> {
    match event.event_type() {
        "gate-assigned" => flight.gate = Some(event.decode()?),
        "boarded" => flight.aboard += event.decode::<u32>()?,
        "left-again" => flight.aboard -= event.decode::<u32>()?,
        "doors-closed" => flight.is_closed = true,
        _ => {} // a type of later days
    }
    Ok(())
}

async fn event_sourcing(run: &Run) -> Outcome {
    let flight = run.topic("flight-LX38")?;
    let store = EventStore::open(&run.broker())
        .await?
        .default_stream(flight.clone());

    let gate = NewEvent::json("gate-assigned", "E46")?.agent("tower");
    store.append(&flight, Expected::NOTHING, [gate]).await?;
    for group in [40, 60, 50] {
        // The short form: whoever comes, behind whatever is there.
        store.log_event("boarded", &group, Some("gate-E46")).await?;
    }

    // Two have read version 4, and decide by it. One of them is late, and is told so.
    let read = store.version(&flight).await?;
    let left = NewEvent::json("left-again", &1)?.agent("gate-E46");
    store
        .append(&flight, Expected::Version(read), [left])
        .await?;
    let closed = NewEvent::json("doors-closed", &())?.agent("crew");
    let late = store
        .append(&flight, Expected::Version(read), [closed.clone()])
        .await;
    let actual = match late {
        Err(AppendError::Conflict(conflict)) => conflict.actual,
        other => return Err(format!("expected a conflict, found {other:?}").into()),
    };
    println!("the doors cannot be closed by version {read}: it is at version {actual} already");
    store
        .append(&flight, Expected::Version(actual), [closed])
        .await?;

    let mut replay = store.replay(&flight, ReplayFrom::Beginning).await?;
    while let Some(event) = replay.next().await? {
        println!(
            "  {} {:13} by {}",
            event.version(),
            event.event_type(),
            event.agent().unwrap_or("-")
        );
    }

    // State is what the events lead to. It is saved together with how far it has come.
    let mut view = store
        .project(&flight, "board", Flight::default(), apply)
        .await?;
    let state = view.catch_up().await?.clone();
    println!("that is {state:?}");
    let there = store
        .project(&flight, "board", Flight::default(), apply)
        .await?;
    expect("the version of the saved view", there.version(), 6)?;

    let audit = AuditQuery::new(flight.as_str()).agent("gate-E46");
    let by_gate = store.query(&audit).await?.events.len();
    println!("{by_gate} of the events are of gate-E46");

    let verification = store.verify(&flight).await?;
    println!(
        "{} events, nobody has changed any of them",
        verification.events
    );

    expect("aboard", state.aboard, 149)?;
    expect("doors closed", state.is_closed, true)?;
    expect("events of the gate", by_gate, 4)?;
    expect("the chain is whole", verification.is_intact(), true)?;
    Ok(format!(
        "{} events, 1 conflict, {} aboard",
        verification.events, state.aboard
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::run(event_sourcing).await
}
