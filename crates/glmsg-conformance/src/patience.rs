//! Bounded waiting: an event that does not come fails the case with a sentence, it never hangs it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};

/// How long the suite waits for anything that must happen, in seconds. Generous, because it is a
/// bound on defects and not a claim about speed.
static PATIENCE: AtomicU64 = AtomicU64::new(60);

/// Sets how long the suite waits, for a test that expects it to wait in vain.
#[doc(hidden)]
pub fn set_patience(seconds: u64) {
    PATIENCE.store(seconds, Ordering::Relaxed);
}

/// Waits for `event`, described by `what`.
pub(crate) async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    let seconds = PATIENCE.load(Ordering::Relaxed);
    match tokio::time::timeout(Duration::from_secs(seconds), event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {seconds} s in vain for {what}"),
    }
}

/// Polls a future once. None if it is over with that.
pub(crate) async fn begun<F: Future>(future: F) -> Option<Pin<Box<F>>> {
    begun_on(&Handle::current(), future).await
}

/// The same, of which all that it begins is on this runtime.
pub(crate) async fn begun_on<F: Future>(runtime: &Handle, future: F) -> Option<Pin<Box<F>>> {
    let mut future = Box::pin(future);
    let is_over = poll_fn(|cx| {
        let _entered = runtime.enter();
        Poll::Ready(future.as_mut().poll(cx).is_ready())
    });
    (!is_over.await).then_some(future)
}

/// A runtime with a thread of its own.
pub(crate) fn another_runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(1).enable_all().build();
    built.expect("a runtime")
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
