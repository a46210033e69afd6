//! Waiting with a limit.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// The time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Elapsed;

/// As [`tokio::time::timeout`], but the clock is read only once there is something to wait for:
/// most writes are done at once, and reading it four times for a publish shows in its rate.
pub(super) async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut over = pin!(None::<Sleep>);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if over.is_none() {
            over.set(Some(sleep(limit)));
        }
        match over.as_mut().as_pin_mut() {
            Some(over) => over.poll(cx).map(|()| Err(Elapsed)),
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_comes_in_time_is_returned_and_what_does_not_is_not_awaited() {
        let second = Duration::from_secs(1);
        assert_eq!(within(second, async { 1 }).await, Ok(1));
        let late = async {
            sleep(second / 2).await;
            2
        };
        assert_eq!(within(second, late).await, Ok(2));
        let begun = tokio::time::Instant::now();
        let never = std::future::pending::<()>();
        assert_eq!(within(second, never).await, Err(Elapsed));
        assert!(begun.elapsed() >= second);
    }
}
