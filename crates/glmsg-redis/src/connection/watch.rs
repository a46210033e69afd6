//! Looking once a second whether the sentinels name another master.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::Inner;
use super::route::Route;

const EVERY: Duration = Duration::from_secs(1);

/// Sees to it that somebody looks, if there are sentinels. A server that hangs, or is cut off from the sentinels but not
/// from us, gives no error that would make us ask.
pub(super) fn keep(link: &Arc<Inner>) {
    if matches!(link.route, Route::Sentinel(_)) {
        link.watch.keep(|| run(Arc::downgrade(link)));
    }
}

async fn run(link: Weak<Inner>) {
    loop {
        sleep(EVERY).await;
        let Some(link) = link.upgrade().filter(|link| !link.is_closed()) else {
            return;
        };
        if let Route::Sentinel(sentinels) = &link.route
            && let Err(error) = sentinels.look(&link).await
        {
            tracing::debug!(%error, "no sentinel answers");
        }
    }
}
