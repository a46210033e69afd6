//! What came of a case, as rows of the tables that `cargo xtask chaos` prints.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;

use glmsg_faults::check::Report;

use super::Told;

/// The file that gets the rows. Without it nobody wants them.
const VARIABLE: &str = "GLMSG_CHAOS_ROWS";

/// Adds the row of a case that was judged. It is named as its test is.
pub(super) fn judged(report: &Report) {
    let counts = &report.counts;
    let mut verdict = String::new();
    for invariant in report.broken() {
        // Writing to a string does not fail.
        let _ = write!(verdict, "{invariant:?} ");
    }
    let verdict = match verdict.trim_end() {
        "" => "ok",
        broken => broken,
    };
    let cells = [
        counts.tried,
        counts.published,
        counts.lost,
        counts.indeterminate,
        counts.duplicate_stores,
        counts.done_again,
    ];
    let mut row = vec!["case".to_owned(), name()];
    row.extend(cells.map(|cell| cell.to_string()));
    row.push(format!("{:.1}", counts.longest_gap.as_secs_f64()));
    row.push(verdict.to_owned());
    add(&row);
}

/// Adds the row of a case that may lose what was acknowledged: with that durability, and by that fault.
pub fn loss(durability: &str, fault: &str, report: &Report, told: &Told) {
    let counts = &report.counts;
    let cells = [
        counts.published,
        told.lost(),
        told.stored_again(),
        counts.lost,
    ];
    let mut row = vec![
        "loss".to_owned(),
        name(),
        durability.to_owned(),
        fault.to_owned(),
    ];
    row.extend(cells.map(|cell| cell.to_string()));
    add(&row);
}

/// The test that runs: its thread has its name.
fn name() -> String {
    let thread = std::thread::current();
    thread.name().unwrap_or("a case").to_owned()
}

fn add(row: &[String]) {
    let Some(path) = std::env::var_os(VARIABLE) else {
        return;
    };
    let file = OpenOptions::new().append(true).create(true).open(path);
    let line = format!("{}\n", row.join("\t"));
    // In one piece: cases run side by side.
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    written.expect("the rows can be written");
}
