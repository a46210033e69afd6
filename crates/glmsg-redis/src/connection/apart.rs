//! Going on apart from the caller.

use std::panic::resume_unwind;

use glmsg_core::Result;
use tokio::task::JoinSet;

use crate::error::lost;

/// Does something in a task of its own. It begins at once, and ends early where what is returned is
/// dropped, which is small, whatever the work is.
///
/// Whatever holds a lock, or a place of which there are few, must go on: a caller may leave its
/// future unpolled, and make another call meanwhile, which would wait for the first for ever.
pub(crate) fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> impl Future<Output = Result<T>> + Send {
    let mut task = JoinSet::new();
    task.spawn(work);
    async move {
        match task.join_next().await {
            Some(Ok(done)) => done,
            Some(Err(ended)) if ended.is_panic() => resume_unwind(ended.into_panic()),
            // With its runtime.
            _ => Err(lost(false)),
        }
    }
}
