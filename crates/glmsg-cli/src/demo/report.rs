//! The demo's results, for people and for programs.

use serde_json::{Value, json};

use super::airport::Airport;
use super::ledger::Ledger;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::{Align, Table, grouped};

/// The ledger as one JSON object.
pub(crate) fn object(ledger: &Ledger) -> Value {
    let airports: Vec<Value> = ledger.airports.iter().map(airport).collect();
    json!({
        "broker": ledger.broker,
        "frames": ledger.frames,
        "published": ledger.published(),
        "processed": ledger.processed,
        "retried": ledger.retried,
        "redelivered": ledger.redelivered,
        "dead_lettered": ledger.dead_lettered,
        "lost": ledger.lost(),
        "duplicates": ledger.duplicates,
        "distance_miles": ledger.distance_miles,
        "factor": ledger.factor,
        "seconds": rounded(ledger.seconds, 3),
        "messages_per_second": ledger.per_second().round(),
        "latency_ms": {
            "p50": ledger.latency_ms(500),
            "p95": ledger.latency_ms(950),
            "p99": ledger.latency_ms(990),
        },
        "airports": airports,
    })
}

fn airport(airport: &Airport) -> Value {
    json!({
        "origin": airport.origin,
        "flights": airport.flights,
        "distance_miles": airport.distance_miles,
        "kg_co2e": rounded(airport.kg_co2e, 1),
    })
}

/// Sums of many small numbers end in noise that nobody wants to read.
fn rounded(number: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    (number * scale).round() / scale
}

pub(crate) fn print(out: &mut Output, ledger: &Ledger) -> Result<(), Failure> {
    let mut table = Table::new(&[
        ("ORIGIN", Align::Left),
        ("FLIGHTS", Align::Right),
        ("MILES", Align::Right),
        ("T CO2E PER SEAT", Align::Right),
    ]);
    for airport in &ledger.airports {
        table.row([
            airport.origin.clone(),
            grouped(airport.flights),
            grouped(airport.distance_miles),
            format!("{:.1}", airport.kg_co2e / 1000.0),
        ]);
    }
    out.line("The ten airports whose flights emit most, one passenger on each flight:")?;
    out.line("")?;
    out.table(&table, "no flight was processed")?;
    out.line("")?;
    for (name, count) in [
        ("published", ledger.published()),
        ("processed", ledger.processed),
        ("retried", ledger.retried),
        ("redelivered", ledger.redelivered),
        ("dead-lettered", ledger.dead_lettered),
        ("lost", ledger.lost()),
        ("duplicates", ledger.duplicates),
    ] {
        out.line(format!("{name:14} {:>8}", grouped(count)))?;
    }
    out.line("")?;
    out.line(format!(
        "{:.1} s on {}{}, {:.0} flights/s; from publish to result p50 {:.0} ms, p95 {:.0} ms, p99 {:.0} ms",
        ledger.seconds,
        ledger.broker,
        if ledger.frames { " in frames" } else { "" },
        ledger.per_second(),
        ledger.latency_ms(500),
        ledger.latency_ms(950),
        ledger.latency_ms(990),
    ))
}
