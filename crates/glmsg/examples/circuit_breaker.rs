//! 8: A consumer whose weather service is down for a while: no flight loses an attempt by it.
//!
//! `cargo run -p glmsg --features circuit-breaker --example circuit_breaker [-- --broker URL]`
#![allow(clippy::print_stdout, reason = "a program that shows something")]

mod support;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use glmsg::patterns::circuit_breaker::{CircuitBreaker, CircuitCause};
use glmsg::prelude::*;
use support::{Outcome, Run, expect, until};

#[derive(Default)]
struct Service {
    is_repaired: bool,
    /// Calls that found it down.
    failed: u32,
    /// Which attempt brought each flight its weather.
    forecasts: BTreeMap<u32, u32>,
}

impl Service {
    /// It goes down after a hundred forecasts.
    fn forecast(&mut self, flight: u32, attempt: u32) -> Result<(), HandlerError> {
        if self.forecasts.len() == 100 && !self.is_repaired {
            self.failed += 1;
            return Err(HandlerError::retry("the weather service is down"));
        }
        self.forecasts.insert(flight, attempt);
        Ok(())
    }
}

async fn circuit_breaker(run: &Run) -> Outcome {
    let (broker, topic) = (run.broker(), run.topic("flights")?);
    let flights: Vec<u32> = (1..=300).collect();
    let messages = flights.iter().map(|flight| Message::json(&topic, flight));
    let messages = messages.collect::<glmsg::Result<Vec<_>>>()?;
    for outcome in broker.publish(&messages).await? {
        outcome.into_result()?;
    }
    println!("300 flights want a forecast");

    let breaker = CircuitBreaker::builder("weather")
        .failure_threshold(5)
        .timeout(Duration::from_millis(300)) // 60 s, where it is no example
        .half_open_calls(3)
        .build()?;
    let mut events = breaker.events();
    let service = Arc::new(Mutex::new(Service::default()));
    let seen = || service.lock().unwrap_or_else(PoisonError::into_inner);
    let consumer = breaker
        .consumer(Consumer::new(broker.clone(), topic.clone(), "briefing").workers(4))
        .start({
            let service = service.clone();
            move |incoming: Incoming| {
                let service = service.clone();
                async move {
                    let flight: u32 = incoming.decode()?;
                    let mut service = service.lock().unwrap_or_else(PoisonError::into_inner);
                    service.forecast(flight, incoming.attempt())
                }
            }
        })
        .await?;

    loop {
        let event = events.recv().await?;
        println!("  {} -> {}: {}", event.from, event.to, event.cause);
        match event.cause {
            CircuitCause::ProbeFailed => {
                let mut service = seen();
                let (done, failed) = (service.forecasts.len(), service.failed);
                println!("  {done} forecasts, {failed} calls failed; it is repaired now");
                service.is_repaired = true;
            }
            CircuitCause::ProbesSucceeded => break,
            _ => {}
        }
    }
    until("all flights have their forecast", || {
        seen().forecasts.len() == 300
    })
    .await?;
    consumer.shutdown().await?;

    let lag = broker.lag(&topic, &GroupName::new("briefing")?).await?;
    let first = seen()
        .forecasts
        .values()
        .filter(|attempt| **attempt == 1)
        .count();
    let metrics = breaker.metrics();
    println!(
        "{first} of 300 at their first attempt; the breaker opened {} times, {} dead letters",
        metrics.opened, lag.dead_letters
    );
    expect("at their first attempt", first, 300)?;
    expect("dead letters", lag.dead_letters, 0)?;
    expect("opened at least twice", metrics.opened >= 2, true)?;
    Ok(format!(
        "300 published, 300 handled, {} dead letters",
        lag.dead_letters
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::run(circuit_breaker).await
}
