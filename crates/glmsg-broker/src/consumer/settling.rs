//! Telling the broker what the workers have done.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use glmsg_core::{Error, Result};

use super::shared::{Outcomes, Shared};
use crate::{BoxSettler, Settled, Settler};

type Work = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// What is to be done before messages are acked.
pub(super) struct BeforeAck(Box<dyn Fn() -> Work + Send + Sync>);

impl BeforeAck {
    pub(super) fn new<F, Fut>(work: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Self(Box::new(move || Box::pin(work())))
    }
}

impl fmt::Debug for BeforeAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeforeAck")
    }
}

/// Settles `outcomes`, acks, nacks and releases at the same time, so that a backend can put them
/// into one commit. What could not be settled comes back with the first error.
pub(super) async fn settle(
    shared: Arc<Shared>,
    settler: BoxSettler,
    mut outcomes: Outcomes,
) -> (Outcomes, Option<Error>) {
    let mut failure = None;
    let mut keep = |result: Result<Vec<Settled>>| match result {
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
            if outcomes.acks.is_empty() {
                return Ok(Vec::new());
            }
            if let Some(BeforeAck(work)) = &shared.before_ack {
                work().await?;
            }
            settler.ack(&outcomes.acks).await
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
