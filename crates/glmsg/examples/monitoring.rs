//! 10: What a broker tells of itself: health, how it is set up, how far groups are behind, what was counted, and all of it
//! for Prometheus.
//!
//! `cargo run -p glmsg --example monitoring [-- --broker URL]`
#![allow(clippy::print_stdout, reason = "a program that shows something")]

mod support;

use glmsg::metrics::prometheus_client::registry::Registry;
use glmsg::metrics::{Format, MetricsServer, Monitor, Options, PrometheusLayer, exposition};
use glmsg::prelude::*;
use glmsg::{HealthStatus, Layer, Severity};
use support::{Outcome, Run, expect};

async fn monitoring(run: &Run) -> Outcome {
    let (broker, topic) = (run.broker(), run.topic("departures")?);
    let group = GroupName::new("displays")?;

    // What goes through this broker is counted for Prometheus, and how far the group is behind is looked for.
    let mut registry = Registry::default();
    let options = Options::default().watch(&topic, group.clone())?;
    let layer = PrometheusLayer::new(&mut registry, options)?;
    let broker = layer.layer(broker.clone());
    let registry = Arc::new(registry);
    let monitor = Monitor::start(&layer, broker.clone());
    let server = MetricsServer::bind("127.0.0.1:0", registry.clone(), monitor.health()).await?;
    println!("metrics at http://{}/metrics", server.address());

    let health = broker.health().await;
    println!(
        "{} is {}, asked in {:.1?}",
        broker.name(),
        health.status,
        health.latency
    );
    for (name, value) in &health.details {
        println!("  {name}: {value}");
    }
    if let Some(problem) = &health.problem {
        println!("  {problem}");
    }
    let findings = broker.doctor().await?;
    let fine = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Ok);
    println!(
        "the doctor looked at {} things, {} are as they should be",
        findings.len(),
        fine.count()
    );
    for finding in findings
        .iter()
        .filter(|finding| finding.severity != Severity::Ok)
    {
        println!("  {finding}");
    }

    let departures = (1..=100).map(|flight| Message::json(&topic, &flight));
    let departures = departures.collect::<glmsg::Result<Vec<_>>>()?;
    for outcome in broker.publish(&departures).await? {
        outcome.into_result()?;
    }

    // Sixty are shown, five are in somebody's hands (and more in its buffer), the rest waits.
    let options = SubscribeOptions::new(&topic, group.clone())?;
    let mut displays = broker.subscribe(options).await?;
    let mut taken = Vec::new();
    while taken.len() < 65 {
        taken.extend(displays.recv_batch(65 - taken.len()).await?);
    }
    let held = taken.split_off(60);
    Delivery::ack_all(taken).await?;
    let lag = broker.lag(&topic, &group).await?;
    println!(
        "behind by {}: {} never given to anybody, {} in somebody's hands",
        lag.total(),
        lag.undelivered,
        lag.pending()
    );
    if broker.capability().members {
        let members = broker.members(&topic, &group).await?;
        expect("members", members.len(), 1)?;
        for member in members {
            println!("  {} holds {}", member.name, member.pending);
        }
    }
    if let Some(age) = lag.oldest_age {
        println!("  the oldest has waited {age:.1?}");
    }

    let metrics = broker
        .metrics()
        .ok_or("expected that `connect` counts")?
        .snapshot();
    println!(
        "published {}, received {}, acked {}; a publish call took {:.1?} at most",
        metrics.published, metrics.consumed, metrics.acked, metrics.publish_latency.max
    );

    Delivery::ack_all(held).await?;
    for _ in 65..100 {
        displays.recv().await?.ack().await?;
    }
    displays.close().await?;
    let after = broker.lag(&topic, &group).await?;
    println!("at the end it is behind by {}", after.total());

    monitor.look().await?;
    let exposed = exposition(&registry, Format::Text)?;
    let exposed = exposed.lines().filter(|line| line.contains(topic.as_str()));
    let exposed: Vec<&str> = exposed.filter(|line| !line.contains("_bucket")).collect();
    println!("for Prometheus, among others:");
    for line in exposed
        .iter()
        .filter(|line| line.starts_with("messages_acked"))
    {
        println!("  {line}");
    }
    let labels = format!("{{topic=\"{topic}\",group=\"{group}\"}}");
    for (name, value) in [("messages_acked_total", 100), ("consumer_lag_messages", 0)] {
        let line = format!("{name}{labels} {value}");
        let is_there = exposed.iter().any(|exposed| exposed.starts_with(&line));
        expect(&line, is_there, true)?;
    }
    server.shutdown().await;

    expect(
        "is unhealthy",
        health.status == HealthStatus::Unhealthy,
        false,
    )?;
    expect("the lag", lag.total(), 40)?;
    expect("published", metrics.published, 100)?;
    expect("acked", metrics.acked, 60)?;
    expect("the lag at the end", after.total(), 0)?;
    Ok(format!(
        "100 published, 60 acked, behind by {}, then by {}",
        lag.total(),
        after.total()
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::run(monitoring).await
}
