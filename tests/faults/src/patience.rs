//! Waiting for what cannot be awaited: a process, a server, a count in a store.

use std::time::{Duration, Instant};

/// The time between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(5);

/// Looks again and again until `condition` holds.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
/// let queue = tokio::sync::Mutex::new(vec![1, 2, 3]);
/// glmsg_faults::until("the queue is empty", Duration::from_secs(10), || async {
///     queue.lock().await.pop().is_none()
/// })
/// .await;
/// # });
/// ```
///
/// # Panics
/// If it does not hold within that time; the message names the condition.
pub async fn until<F, R>(condition: &str, within: Duration, mut holds: F)
where
    // Not `AsyncFnMut`: its futures cannot be shown to be `Send`, and this is awaited in spawned tasks.
    F: FnMut() -> R,
    R: Future<Output = bool>,
{
    let deadline = Instant::now() + within;
    while !holds().await {
        let in_time = Instant::now() < deadline;
        assert!(in_time, "{condition}: not so within {within:?}");
        tokio::time::sleep(PAUSE).await;
    }
}
