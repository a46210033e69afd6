//! What a command says on stderr besides its log: in the log's form where that is JSON, so that who
//! reads it reads one kind of line. With `--json` errors are objects of the same form: who has a program
//! read the results has it read why there are none.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use glmsg::{Clock, SystemClock};
use serde_json::json;

static IS_JSON: AtomicBool = AtomicBool::new(false);
static ARE_ERRORS_JSON: AtomicBool = AtomicBool::new(false);

/// How much it matters.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    Info,
    Error,
}

/// From now on each line is a JSON object, as those of the log are.
pub(crate) fn as_json() {
    IS_JSON.store(true, Ordering::Relaxed);
}

/// From now on each error is a JSON object, whatever else is said.
pub(crate) fn errors_as_json() {
    ARE_ERRORS_JSON.store(true, Ordering::Relaxed);
}

pub(crate) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Writes one line.
pub(crate) fn write(level: Level, text: &str) {
    let line = match level {
        Level::Info if is_json() => object(level, text),
        Level::Info => format!("{text}\n"),
        Level::Error if is_json() || ARE_ERRORS_JSON.load(Ordering::Relaxed) => object(level, text),
        Level::Error => plain(text),
    };
    // Where even stderr is gone, nobody is there to be told.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// The names are those of the log's own lines.
fn object(level: Level, text: &str) -> String {
    let level = match level {
        Level::Info => "INFO",
        Level::Error => "ERROR",
    };
    let line = json!({
        "timestamp": SystemClock.now().to_string(),
        "level": level,
        "message": text,
        "target": "glmsg",
    });
    format!("{line}\n")
}

/// Text from outside may hold line breaks and terminal codes; they become spaces.
fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let mut line: String = format!("glmsg: {text}").chars().map(shown).collect();
    line.push('\n');
    line
}
