//! Asking the server that is under way.

use std::future;
use std::mem;
use std::pin::Pin;

use glmsg_core::Result;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::connection::Dedicated;
use crate::reading::Batch;

pub(super) type Asked = (Option<Dedicated>, Result<Batch>);

/// Asking under way.
pub(super) enum Task {
    /// Goes on while somebody receives: what comes is handed out with no task between.
    Here(Pin<Box<dyn Future<Output = Asked> + Send>>),
    /// Goes on in any case.
    Apart(JoinHandle<Asked>),
}

impl Task {
    /// `None` if the runtime ends.
    pub(super) async fn end(&mut self) -> Option<Asked> {
        match self {
            Self::Here(task) => Some(task.await),
            Self::Apart(task) => task.await.ok(),
        }
    }
}

pub(super) struct Asking {
    pub(super) since: Instant,
    pub(super) task: Task,
    /// It waits on a connection of this number.
    pub(super) waits_on: Option<u64>,
    /// Others wait for what becomes of acks that go with it.
    pub(super) carries_acks: bool,
}

/// Asking that somebody waits for. When they give up, it goes on by itself if it carries acks.
pub(super) struct Attended<'a>(pub(super) &'a mut Option<Asking>);

impl Drop for Attended<'_> {
    fn drop(&mut self) {
        if let Some(Asking {
            task,
            carries_acks: true,
            ..
        }) = self.0
            && let Task::Here(here) = task
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let here = mem::replace(here, Box::pin(future::pending()));
            *task = Task::Apart(runtime.spawn(here));
        }
    }
}
