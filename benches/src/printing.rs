//! The table as text, and as one JSON object.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::rows::{Cost, Measurements};
use crate::unit::three_digits;
use crate::{Outcome, Rounds, Row, Section, Series, Target, Unit, machine};

/// What stands above the table: the machine, and the columns.
///
/// # Errors
/// If the disk cannot be measured.
pub fn heading(rounds: Rounds) -> Outcome<String> {
    let sync = Unit::Time.text(machine::sync_time()?);
    Ok(format!(
        "{} processors, fdatasync p50 {sync}, payloads of 256 bytes; medians of {} rounds (min–max)\n\n{}",
        machine::processors(),
        rounds.count(),
        line(["", "glmsg", "beside", "ratio", "target", "", "beside what"]),
    ))
}

/// A section's rows.
pub fn section_text(measurements: &Measurements) -> String {
    measurements.rows.iter().map(row_text).collect()
}

/// What stands below the table: what each workload used, and whether the disk is what it was.
///
/// # Errors
/// If the disk cannot be measured.
pub fn notes(sections: &[(Section, Measurements)]) -> Outcome<String> {
    let mut text = format!(
        "\n{:<50}{:>16}{:>16}{:>14}\n",
        "", "CPU a message", "of the server", "peak memory"
    );
    for (section, measurements) in sections {
        for cost in &measurements.costs {
            let name = format!("{}: {}", section.name, cost.name);
            let time = |each: Option<f64>| each.map_or("–".into(), |time| Unit::Time.text(time));
            let (cpu, server) = (time(cost.cpu_each), time(cost.server_cpu_each));
            let peak = cost
                .peak_kib
                .map_or("–".into(), |kib| format!("{} MB", kib / 1024));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<50}{cpu:>16}{server:>16}{peak:>14}");
        }
    }
    let sync = Unit::Time.text(machine::sync_time()?);
    let _ = writeln!(text, "\nfdatasync p50 now: {sync}");
    Ok(text)
}

/// Everything as one JSON object.
///
/// # Errors
/// If the disk cannot be measured.
pub fn json(rounds: Rounds, sections: &[(Section, Measurements)]) -> Outcome<Value> {
    let sections = sections.iter().map(|(section, measurements)| {
        json!({
            "name": section.name,
            "rows": measurements.rows.iter().map(row_json).collect::<Value>(),
            "costs": measurements.costs.iter().map(cost_json).collect::<Value>(),
        })
    });
    Ok(json!({
        "processors": machine::processors(),
        "fdatasync_seconds": machine::sync_time()?,
        "payload_bytes": crate::sample::PAYLOAD,
        "rounds": rounds.count(),
        "sections": sections.collect::<Value>(),
    }))
}

fn line(cells: [&str; 7]) -> String {
    let [name, ours, twin, ratio, target, verdict, beside] = cells;
    let line = format!("{name:<32}{ours:<28}{twin:<28}{ratio:<20}{target:<12}{verdict:<8}{beside}");
    format!("{}\n", line.trim_end())
}

fn row_text(row: &Row) -> String {
    let spread = |figures: &Series, text: &dyn Fn(f64) -> String| {
        let [median, min, max] = [figures.median(), figures.min(), figures.max()].map(text);
        format!("{median} ({min}–{max})")
    };
    let unit = |figure| row.unit.text(figure);
    let twin = row.twin.as_ref();
    let target = row.target.map_or(String::new(), |target| match target {
        Target::Ratio(wanted) => format!("≥ {wanted} ×"),
        Target::RatioAtMost(wanted) => format!("≤ {wanted} ×"),
        Target::AtLeast(wanted) => format!("≥ {}", row.unit.text(wanted)),
        Target::AtMost(wanted) => format!("≤ {}", row.unit.text(wanted)),
    });
    let verdict = row
        .is_met()
        .map_or("", |met| if met { "met" } else { "missed" });
    line([
        &row.name,
        &spread(&row.ours, &unit),
        &twin.map_or(String::new(), |twin| spread(&twin.figures, &unit)),
        &twin.map_or(String::new(), |twin| spread(&twin.ratio, &three_digits)),
        &target,
        verdict,
        twin.map_or("", |twin| twin.name),
    ])
}

fn row_json(row: &Row) -> Value {
    let series = |s: &Series| json!({ "median": s.median(), "min": s.min(), "max": s.max() });
    let target = row.target.map(|target| match target {
        Target::Ratio(wanted) => json!({ "ratio_at_least": wanted }),
        Target::RatioAtMost(wanted) => json!({ "ratio_at_most": wanted }),
        Target::AtLeast(wanted) => json!({ "at_least": wanted }),
        Target::AtMost(wanted) => json!({ "at_most": wanted }),
    });
    json!({
        "name": row.name,
        "unit": row.unit.name(),
        "glmsg": series(&row.ours),
        "beside": row.twin.as_ref().map(|twin| json!({
            "name": twin.name,
            "figure": series(&twin.figures),
            "ratio": series(&twin.ratio),
        })),
        "target": target,
        "met": row.is_met(),
    })
}

fn cost_json(cost: &Cost) -> Value {
    json!({
        "name": cost.name,
        "cpu_seconds_per_message": cost.cpu_each,
        "server_cpu_seconds_per_message": cost.server_cpu_each,
        "peak_kib": cost.peak_kib,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row::new("publish", Unit::Rate, &[700.0, 800.0])
            .beside("raw", &[700.0, 800.0], &[1000.0, 1000.0])
            .target(Target::Ratio(0.7))
    }

    #[test]
    fn a_row_is_one_line_with_its_verdict() {
        let text = row_text(&row());
        assert!(text.starts_with("publish "));
        assert!(text.contains("750/s (700/s–800/s)"));
        assert!(text.contains("0.75 (0.70–0.80)"));
        assert!(text.contains("≥ 0.7 ×"));
        assert!(text.contains(" met "));
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn the_object_holds_the_same() {
        let value = row_json(&row());
        assert_eq!(value["glmsg"]["median"], 750.0);
        assert_eq!(value["beside"]["ratio"]["max"], 0.8);
        assert_eq!(value["met"], true);
    }
}
