//! Inboxes that killed requesters have left.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, CancellationToken};
use glmsg_core::{Clock as _, ErrorKind, Result, SystemClock};
use tokio::time::sleep;

use super::inbox::named_at;

/// An inbox that is younger may not have been joined yet.
const YOUNG: Duration = Duration::from_secs(30);

/// Deletes the inboxes that are older than half a minute and have no member any more: their
/// requesters were killed. Returns how many. Requesters and responders do this by themselves, every
/// minute; it may run in many processes at once.
///
/// A requester that stood still for three of its leases counts as killed. It makes its inbox anew
/// when it goes on, without the replies that were in it.
///
/// # Errors
/// As [`Backend::topic_names`](glmsg_broker::Backend::topic_names).
pub async fn sweep_inboxes(broker: &dyn Broker) -> Result<u64> {
    let now = SystemClock.now();
    let mut swept = 0;
    for topic in broker.topic_names().await? {
        let Some(named) = named_at(&topic) else {
            continue;
        };
        if now.since(named) < YOUNG {
            continue;
        }
        let abandoned = match broker.groups(&topic).await {
            Ok(groups) => groups.iter().all(|group| group.members == 0),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if abandoned {
            match broker.delete_topic(&topic).await {
                Ok(()) => {
                    tracing::info!(inbox = %topic, "an abandoned inbox was deleted");
                    swept += 1;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(swept)
}

/// Sweeps now and then, until it is stopped.
pub(super) async fn keep(broker: Arc<dyn Broker>, every: Duration, stop: CancellationToken) {
    loop {
        // Processes that began together do not sweep together.
        let pause = every.mul_f64(0.5 + fastrand::f64());
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(pause) => {}
        }
        if let Err(error) = sweep_inboxes(&*broker).await {
            tracing::debug!(%error, "abandoned inboxes could not be looked for");
        }
    }
}
