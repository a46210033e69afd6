//! Everything that goes to stdout: lines, payloads, JSON objects and tables.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use serde_json::Value;

use crate::failure::Failure;
use crate::table::Table;

/// Standard output, buffered: what was written is out after [`flush`](Self::flush).
#[derive(Debug)]
pub(crate) struct Output {
    out: BufWriter<Stdout>,
    terminal: bool,
    colour: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let terminal = io::stdout().is_terminal();
        Self {
            out: BufWriter::with_capacity(64 * 1024, io::stdout()),
            terminal,
            colour: wanted && terminal,
        }
    }

    /// `true` if a screen shows it, where long lines are a nuisance.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// An empty screen, written from its top.
    pub(crate) fn home(&mut self) -> Result<(), Failure> {
        self.out.write_all(b"\x1b[H\x1b[2J").map_err(closed)
    }

    /// Bytes as they are, and a newline.
    pub(crate) fn line(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.out.write_all(bytes.as_ref()).map_err(closed)?;
        self.out.write_all(b"\n").map_err(closed)
    }

    /// One JSON object on one line.
    pub(crate) fn json(&mut self, value: &Value) -> Result<(), Failure> {
        self.line(value.to_string())
    }

    /// A table, or a sentence where it has no rows.
    pub(crate) fn table(&mut self, table: &Table, empty: &str) -> Result<(), Failure> {
        if table.is_empty() {
            return self.line(empty);
        }
        let text = table.render(self.colour);
        self.out.write_all(text.as_bytes()).map_err(closed)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(closed)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape map_err asks for")]
fn closed(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::PipeClosed
    } else {
        Failure::failed(format!("cannot write to stdout: {error}"))
    }
}
