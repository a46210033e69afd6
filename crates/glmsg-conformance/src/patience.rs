//! Bounded waiting: an event that does not come fails the case with a sentence, it never hangs it.

use std::future::Future;
use std::time::Duration;

use crate::Fixture;

/// How long the suite waits for anything that must happen. Generous, because it is a bound on
/// defects and not a claim about speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for `event`, described by `what`.
pub(crate) async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {} s in vain for {what}", PATIENCE.as_secs()),
    }
}

/// Asks again until `question` says yes: for states that no event announces.
pub(crate) async fn until<Fut>(what: &str, mut question: impl FnMut() -> Fut)
where
    Fut: Future<Output = bool>,
{
    within(what, async {
        while !question().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Lets the broker's time pass in small steps until `is_done`: for chains of retries in which each
/// link is due some time after the one before.
pub(crate) async fn pass_until<F: Fixture>(f: &F, what: &str, mut is_done: impl FnMut() -> bool) {
    within(what, async {
        while !is_done() {
            f.pass(Duration::from_millis(10)).await;
            // With a clock moved by hand, passing time gives nobody else a turn.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
