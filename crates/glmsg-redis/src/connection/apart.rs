//! Going on apart from the caller.

use glmsg_core::Result;

use crate::error::lost;

/// Runs to its end in a task of its own.
///
/// Whatever holds a lock, or a place of which there are few, must go on: a caller may leave its
/// future unpolled, and make another call meanwhile, which would wait for the first for ever.
///
/// It begins at once. What is returned is small, whatever the work is.
pub(crate) fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> impl Future<Output = Result<T>> + Send {
    let task = tokio::spawn(work);
    // It ends early with its runtime alone.
    async { task.await.unwrap_or_else(|_| Err(lost(false))) }
}
