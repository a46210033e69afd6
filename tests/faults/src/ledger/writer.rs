//! Writing the ledger.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Event, GroupWriter, What, now_ns};

/// Makes the names of files that one process opens differ.
static OPENED: AtomicU32 = AtomicU32::new(0);

/// The pen of one process: cheap to clone, and shared by its threads and tasks.
///
/// An event is one `write(2)` to a file opened with `O_APPEND`, and nothing is buffered: what was recorded before a
/// `kill -9` is in the file.
///
/// Every opening gets a file of its own. A process that is started again under the same name therefore never writes
/// behind the torn last line of its predecessor.
#[derive(Debug, Clone)]
pub struct Writer {
    pen: Arc<Pen>,
}

#[derive(Debug)]
struct Pen {
    file: File,
    process: String,
}

impl Writer {
    /// Opens a new file in `dir`, which is created if it is not there, for the process of that name.
    ///
    /// Name the tasks of a process `process/task`: then a crash of the process is one of its tasks too.
    ///
    /// # Panics
    /// If the folder or the file cannot be created: a case without its ledger proves nothing.
    pub fn open(dir: &Path, process: &str) -> Self {
        let readable: String = process
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let nth = OPENED.fetch_add(1, Ordering::Relaxed);
        let name = format!("{readable}.{}.{nth}.{}.jsonl", std::process::id(), now_ns());
        let path = dir.join(name);
        fs::create_dir_all(dir).expect("the ledger's folder can be created");
        let file = OpenOptions::new().append(true).create_new(true).open(path);
        let pen = Pen {
            file: file.expect("a file of the ledger can be created"),
            process: process.to_owned(),
        };
        Self { pen: Arc::new(pen) }
    }

    /// The process that this pen writes for.
    pub fn process(&self) -> &str {
        &self.pen.process
    }

    /// Records a step of this process.
    ///
    /// # Panics
    /// If it cannot be written: going on would look like a pass.
    pub fn record(&self, what: What) {
        self.record_for(&self.pen.process, what);
    }

    /// Records a step of another process: its crash, or a fault that it suffers.
    ///
    /// # Panics
    /// As [`record`](Self::record).
    pub fn record_for(&self, process: &str, what: What) {
        let event = Event {
            at: now_ns(),
            process: process.to_owned(),
            what,
        };
        let mut line = serde_json::to_vec(&event).expect("an event is JSON");
        line.push(b'\n');
        // Not `write_all`: a line in two calls could be cut by a line of another thread, or by a kill.
        let written = loop {
            match (&self.pen.file).write(&line) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let written = written.expect("the ledger can be written");
        assert_eq!(
            written,
            line.len(),
            "the ledger's disk took a part of a line: is it full?"
        );
    }

    /// The steps that belong to a consumer group.
    pub fn group(&self, group: &str) -> GroupWriter {
        GroupWriter::new(self.clone(), group)
    }

    /// Records [`What::PubTry`] of a message without a key.
    pub fn pub_try(&self, id: &str) {
        self.record(What::PubTry {
            id: id.to_owned(),
            key: None,
            seq: None,
        });
    }

    /// Records [`What::PubTry`] of a message whose order among those of its key is kept.
    pub fn pub_try_keyed(&self, id: &str, key: &str, seq: u64) {
        self.record(What::PubTry {
            id: id.to_owned(),
            key: Some(key.to_owned()),
            seq: Some(seq),
        });
    }

    /// Records [`What::PubOk`].
    pub fn pub_ok(&self, id: &str) {
        self.record(What::PubOk { id: id.to_owned() });
    }

    /// Records [`What::PubDup`].
    pub fn pub_dup(&self, id: &str) {
        self.record(What::PubDup { id: id.to_owned() });
    }

    /// Records [`What::PubFull`].
    pub fn pub_full(&self, id: &str) {
        self.record(What::PubFull { id: id.to_owned() });
    }

    /// Records [`What::PubRejected`].
    pub fn pub_rejected(&self, id: &str, reason: &str) {
        self.record(What::PubRejected {
            id: id.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Records [`What::PubIndeterminate`].
    pub fn pub_indeterminate(&self, id: &str) {
        self.record(What::PubIndeterminate { id: id.to_owned() });
    }

    /// Records [`What::LossReported`].
    pub fn loss_reported(&self, count: u64) {
        self.record(What::LossReported { count });
    }

    /// Records [`What::Health`].
    pub fn health(&self, healthy: bool) {
        self.record(What::Health { healthy });
    }

    /// Records that this process begins: first of all.
    pub fn start(&self) {
        self.record(What::Start);
    }

    /// Records that this process ends in order: last of all.
    pub fn stop(&self) {
        self.record(What::Stop);
    }

    /// Records that a process was killed; call it when the process is gone.
    pub fn crash(&self, victim: &str) {
        self.record_for(victim, What::Crash);
    }

    /// Records [`What::ShutOut`].
    pub fn shut_out(&self) {
        self.record(What::ShutOut);
    }

    /// Records that a fault of this process's making begins; call it before it does.
    pub fn fault_begin(&self, fault: &str) {
        self.fault_begin_for(self.process(), fault);
    }

    /// Records that the fault of that name is over.
    pub fn fault_end(&self, fault: &str) {
        self.fault_end_for(self.process(), fault);
    }

    /// As [`fault_begin`](Self::fault_begin), for a fault that one other process suffers: a consumer that is stopped.
    pub fn fault_begin_for(&self, victim: &str, fault: &str) {
        let fault = fault.to_owned();
        self.record_for(victim, What::FaultBegin { fault });
    }

    /// As [`fault_end`](Self::fault_end), for a fault that one other process suffers.
    pub fn fault_end_for(&self, victim: &str, fault: &str) {
        let fault = fault.to_owned();
        self.record_for(victim, What::FaultEnd { fault });
    }
}
