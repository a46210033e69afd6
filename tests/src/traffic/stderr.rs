//! What the library logs, on stderr: the harness keeps it with whatever else a process prints.

use std::fmt::{self, Write};
use std::sync::OnceLock;

use glmsg_faults::ledger::Writer;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Prints everything our crates log, down to what is for debugging: secrets must be in none of it. That the process was shut out of
/// its group stands in the ledger, too.
struct Stderr;

static LEDGER: OnceLock<Writer> = OnceLock::new();

/// From now on, in the whole process.
pub(super) fn install() {
    // There is one already where a test runs the inside of a process by itself.
    let _ = tracing::subscriber::set_global_default(Stderr);
}

/// The ledger of this process.
pub(super) fn record_in(ledger: &Writer) {
    let _ = LEDGER.set(ledger.clone());
}

impl Subscriber for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("glmsg") && *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    #[allow(clippy::print_stderr, reason = "that is what it is for")]
    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        eprintln!("{} {}:{}", metadata.level(), metadata.target(), line.text);
        if line.is_lost
            && let Some(ledger) = LEDGER.get()
        {
            ledger.shut_out();
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    text: String,
    is_lost: bool,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.is_lost |= field.name() == "lost_partitions";
        // Writing to a string does not fail.
        let _ = write!(self.text, " {field}={value:?}");
    }
}
