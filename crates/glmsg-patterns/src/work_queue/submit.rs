//! Handing tasks in.

use glmsg_broker::BrokerExt;
use glmsg_core::{Error, ErrorKind, Message, Result};

use super::{Task, TaskRef, WorkQueue};

impl WorkQueue {
    /// Hands in one task. It is stored when this returns.
    ///
    /// # Cancel safety
    /// The task may have been submitted or not. With an id of its own
    /// ([`with`](Task::with)) it can be submitted again.
    ///
    /// # Errors
    /// `Unsupported` if the task's result is to be kept and the backend has no
    /// [storage](glmsg_broker::Storage); `Full`, and as
    /// [`BrokerExt::send`]; `InvalidArgument`, `TooLarge` and `Codec`
    /// of what the task is made of.
    pub async fn submit(&self, task: Task) -> Result<TaskRef> {
        let message = self.message(task).await?;
        let task = reference(&message);
        self.broker.send(message).await?;
        self.hinter.published(&self.broker, &task.topic).await;
        Ok(task)
    }

    /// Hands in many tasks together, which is far cheaper than one by one. One outcome for each, in
    /// their order.
    ///
    /// # Cancel safety
    /// All, some or none may have been submitted.
    ///
    /// # Errors
    /// An error as a whole means that none was submitted, unless its kind is `Indeterminate`; what
    /// a task is made of is checked first, and fails the whole.
    pub async fn submit_batch(
        &self,
        tasks: impl IntoIterator<Item = Task>,
    ) -> Result<Vec<Result<TaskRef>>> {
        let mut messages = Vec::new();
        for task in tasks.into_iter().collect::<Vec<_>>() {
            messages.push(self.message(task).await?);
        }
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let outcomes = self.broker.publish(&messages).await?;
        let mut submitted = Vec::with_capacity(messages.len());
        for (message, outcome) in messages.iter().zip(outcomes) {
            let outcome = outcome.into_result().map(|()| reference(message));
            submitted.push(outcome);
        }
        for topic in submitted.iter().flatten().map(TaskRef::topic) {
            self.hinter.published(&self.broker, topic).await;
        }
        Ok(submitted)
    }

    async fn message(&self, task: Task) -> Result<Message> {
        if task.keep.is_some() && !self.broker.capability().storage {
            let what = "this backend has no storage, so no task's result can be kept";
            return Err(Error::new(ErrorKind::Unsupported, what)
                .operation("submit")
                .with("backend", self.broker.name())
                .remedy("submit without keep_result, or have the handler publish what it found"));
        }
        let topic = self.tenants.topic(&self.broker, task.tenant.as_deref());
        let topic = topic.await?;
        task.build(topic)
    }
}

fn reference(message: &Message) -> TaskRef {
    TaskRef {
        topic: message.topic().clone(),
        id: message.id(),
    }
}
