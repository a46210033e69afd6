//! The pen of a consumer.

use glmsg_faults::ledger::{What, Writer};

/// Records the steps of one consumer of a group.
///
/// A consumer that was stalled may have a message in its hands twice, by an old delivery and by a new one. So each attempt
/// is a task of its own to the ledger, `NAME/ATTEMPT`.
#[derive(Debug, Clone)]
pub struct Pen {
    writer: Writer,
    group: String,
    /// Which of the process's consumers, where it has several.
    number: Option<usize>,
}

impl Pen {
    /// For a consumer of that group, under the writer's name.
    pub fn new(writer: Writer, group: &str) -> Self {
        let group = group.to_owned();
        Self {
            writer,
            group,
            number: None,
        }
    }

    /// For one of several consumers of a process.
    #[must_use]
    pub fn numbered(mut self, number: usize) -> Self {
        self.number = Some(number);
        self
    }

    /// The group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Records that the handler has finished with a message, before it is acked.
    pub fn done(&self, id: &str, attempt: u32) {
        let done = What::Done {
            id: id.to_owned(),
            group: self.group.clone(),
        };
        self.record(attempt, done);
    }

    /// Records a step that belongs to an attempt at a message.
    pub fn record(&self, attempt: u32, what: What) {
        let process = self.writer.process();
        let task = match self.number {
            Some(number) => format!("{process}/{number}.{attempt}"),
            None => format!("{process}/{attempt}"),
        };
        self.writer.record_for(&task, what);
    }

    /// The process of a task.
    pub fn process_of(task: &str) -> &str {
        task.split_once('/').map_or(task, |(process, _)| process)
    }
}
