//! `glmsg health`: whether the broker can do its work. Exit code 1 if it cannot.

use glmsg::{Health, HealthStatus};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::session::{Access, DEFAULT_BROKER, Session};

pub(crate) async fn run(session: &mut Session) -> Result<(), Failure> {
    let broker = match session.connect(Access::Existing).await {
        Ok(broker) => broker,
        Err(failure) => return unopened(session, failure),
    };
    let health = broker.health().await;
    if session.json {
        session.out.json(&object(broker.name(), &health))?;
    } else {
        let millis = health.latency.as_secs_f64() * 1000.0;
        session.out.line(format!(
            "{} is {} ({millis:.1} ms)",
            broker.name(),
            health.status
        ))?;
        for (name, value) in &health.details {
            session.out.line(format!("  {name}: {value}"))?;
        }
    }
    session.out.flush()?;
    // A broker that is not well may not close well either; what the probe found matters more.
    let closed = broker.close().await;
    match (health.status, health.problem) {
        (HealthStatus::Unhealthy, problem) => Err(Failure::failed(format!(
            "the broker is unhealthy: {}",
            problem.as_deref().unwrap_or("no reason given")
        ))),
        (_, Some(problem)) if !session.json => {
            session.out.line(format!("  problem: {problem}"))?;
            session.out.flush()?;
            Ok(closed?)
        }
        _ => Ok(closed?),
    }
}

/// A program that watches the broker gets its one object also where there is none to ask.
fn unopened(session: &mut Session, failure: Failure) -> Result<(), Failure> {
    if session.json {
        // Only the scheme: the rest of an address may hold a password.
        let url = session.given_broker().unwrap_or(DEFAULT_BROKER);
        let name = url.split_once(':').map(|(scheme, _)| scheme);
        session.out.json(&json!({
            "broker": name,
            "status": HealthStatus::Unhealthy.to_string(),
            "latency_ms": null,
            "details": {},
            "problem": failure.to_string(),
        }))?;
        session.out.flush()?;
    }
    Err(failure)
}

fn object(name: &str, health: &Health) -> Value {
    let details: Map<String, Value> = health
        .details
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
        .collect();
    json!({
        "broker": name,
        "status": health.status.to_string(),
        "latency_ms": health.latency.as_secs_f64() * 1000.0,
        "details": details,
        "problem": health.problem,
    })
}
