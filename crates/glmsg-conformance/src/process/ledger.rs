//! What workers did: one JSON object a line, appended before the next step is taken, so that a
//! killed process leaves a true account.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use glmsg_core::MessageId;

/// One thing a worker did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) what: What,
    pub(super) pid: u32,
    /// Of which message; all zeros where it is about none.
    pub(super) id: MessageId,
    pub(super) attempt: u32,
}

/// What a worker can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// It is subscribed.
    Ready,
    /// A publish was reported as stored.
    Stored,
    /// A handler has begun.
    Begun,
    /// A handler has done its work; the ack follows.
    Done,
    /// An ack by hand counted.
    Acked,
    /// An ack by hand was refused.
    Stale,
    /// It was told to stop, and has drained.
    Stopped,
}

impl What {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Ready, "ready"),
        (Self::Stored, "stored"),
        (Self::Begun, "begun"),
        (Self::Done, "done"),
        (Self::Acked, "acked"),
        (Self::Stale, "stale"),
        (Self::Stopped, "stopped"),
    ];

    fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(what, _)| *what == self);
        found.expect("everything is listed").1
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            pid,
            id,
            attempt,
        } = self;
        let what = what.as_str();
        write!(
            f,
            r#"{{"event":"{what}","pid":{pid},"id":"{id}","attempt":{attempt}}}"#
        )
    }
}

impl Event {
    /// Reads a line that [`Display`](fmt::Display) wrote.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let field = |name: &str| {
            let (_, rest) = line.split_once(&format!("\"{name}\":"))?;
            let end = rest.find([',', '}'])?;
            Some(rest[..end].trim_matches('"'))
        };
        let what = field("event")?;
        Some(Self {
            what: What::ALL.iter().find(|(_, name)| *name == what)?.0,
            pid: field("pid")?.parse().ok()?,
            id: field("id")?.parse().ok()?,
            attempt: field("attempt")?.parse().ok()?,
        })
    }
}

/// The writing end, in a worker.
#[derive(Debug)]
pub(super) struct Ledger(Mutex<File>);

impl Ledger {
    pub(super) fn open(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Self(Mutex::new(file.expect("the ledger can be opened")))
    }

    /// Notes what was done, in the file first; the line on standard output wakes the suite.
    pub(super) fn note(&self, what: What, id: MessageId, attempt: u32) {
        let event = Event {
            what,
            pid: std::process::id(),
            id,
            attempt,
        };
        let line = format!("{event}\n");
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One write of the whole line, so that lines of several processes do not mix.
        let written = file.write_all(line.as_bytes());
        written.expect("the ledger can be written");
        let mut out = std::io::stdout().lock();
        // Nobody may be listening any more; the file is the account.
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}

/// The reading end: everything noted by now.
pub(super) fn read(path: &Path) -> Vec<Event> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let parse = |line| Event::parse(line).unwrap_or_else(|| panic!("no ledger line: {line}"));
    text.lines().map(parse).collect()
}
