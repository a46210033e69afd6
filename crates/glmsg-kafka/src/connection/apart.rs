//! Going on apart from the caller.

use std::panic::resume_unwind;

use glmsg_core::Result;
use tokio::task::JoinSet;

use crate::broker::closed;

/// Does something in a task of its own, which ends early where this is dropped.
///
/// Whatever holds a lock, or a turn, must go on: a caller may leave its future unpolled, and make
/// another call meanwhile, which would wait for the first for ever.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let mut task = JoinSet::new();
    task.spawn(work);
    match task.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(ended)) if ended.is_panic() => resume_unwind(ended.into_panic()),
        // With its runtime.
        _ => Err(closed()),
    }
}
