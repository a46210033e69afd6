//! Brokers that do not know yet what others do. Each learns of topics from the controller by itself,
//! and any of them may be asked.

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use tokio::time::Instant;

use crate::connection::{Link, SETTLING};

/// How long is waited before it is looked again: at first, and at most. Who waits for a busy cluster
/// should not keep it so.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// For so long it is looked again whether what nothing is known of is really not there.
const DOUBT: Duration = Duration::from_secs(1);

/// Whether an answer may be another in a moment, given that what was asked for is there: the broker
/// that was asked may not know of it yet, or be about to become its leader or coordinator.
pub(crate) fn may_settle(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.is_transient()
}

/// Asks the cluster about what has just been made until its brokers know of it.
pub(crate) async fn settled<T, F>(ask: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    until(SETTLING, may_settle, ask).await
}

/// Asks the cluster about what may not be there. A single broker is believed at once.
pub(crate) async fn confirmed<T, F>(link: &Link, ask: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let is_doubted =
        |error: &Error| error.kind() == ErrorKind::NotFound && link.has_several_brokers();
    until(DOUBT, is_doubted, ask).await
}

async fn until<T, F>(
    longest: Duration,
    is_doubted: impl Fn(&Error) -> bool,
    ask: impl Fn() -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let until = Instant::now() + longest;
    let mut pause = PAUSE;
    loop {
        match ask().await {
            Err(e) if is_doubted(&e) && Instant::now() < until => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            done => return done,
        }
    }
}
