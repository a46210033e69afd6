//! Telling the broker what the workers have done.

use std::sync::Arc;

use glmsg_core::Error;

use super::shared::{Outcomes, Shared};
use crate::{BoxSettler, Settled, Settler};

/// Settles `outcomes`, acks, nacks and releases at the same time, so that a backend can put them
/// into one commit. What could not be settled comes back with the first error.
pub(super) async fn settle(
    shared: Arc<Shared>,
    settler: BoxSettler,
    mut outcomes: Outcomes,
) -> (Outcomes, Option<Error>) {
    let mut failure = None;
    let mut keep = |result: glmsg_core::Result<Vec<Settled>>| match result {
        Ok(settled) => {
            shared.counters.settled(&settled);
            true
        }
        Err(error) => {
            failure.get_or_insert(error);
            false
        }
    };
    let (acked, nacked, released) = tokio::join!(
        async {
            match outcomes.acks.is_empty() {
                true => Ok(Vec::new()),
                false => settler.ack(&outcomes.acks).await,
            }
        },
        async {
            match outcomes.nacks.is_empty() {
                true => Ok(Vec::new()),
                false => settler.nack(&outcomes.nacks).await,
            }
        },
        async {
            match outcomes.releases.is_empty() {
                true => Ok(Vec::new()),
                false => settler.release(&outcomes.releases).await,
            }
        },
    );
    if keep(acked) {
        outcomes.acks.clear();
    }
    if keep(nacked) {
        outcomes.nacks.clear();
    }
    if keep(released) {
        outcomes.releases.clear();
    }
    (outcomes, failure)
}
