//! Settlements, counted.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{BoxSettler, Nack, Settled, Settler, Token};
use glmsg_core::{Clock, Result, SystemClock};

use crate::held::Held;
use crate::series::GroupSeries;

pub(crate) struct MeasuredSettler {
    pub(super) inner: BoxSettler,
    pub(super) series: Arc<GroupSeries>,
    pub(super) held: Arc<Held>,
}

impl MeasuredSettler {
    fn count(&self, tokens: impl Iterator<Item = Token>, settled: &[Settled]) {
        self.series.settled(settled);
        if let Some(critical) = self.held.settled(tokens, settled, SystemClock.now()) {
            self.series.critical.add_all(&critical);
        }
    }
}

impl Settler for MeasuredSettler {
    async fn ack(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        let settled = self.inner.ack(tokens).await?;
        self.count(tokens.iter().copied(), &settled);
        Ok(settled)
    }

    async fn nack(&self, nacks: &[Nack]) -> Result<Vec<Settled>> {
        let settled = self.inner.nack(nacks).await?;
        self.count(nacks.iter().map(|nack| nack.token), &settled);
        Ok(settled)
    }

    async fn release(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        let settled = self.inner.release(tokens).await?;
        self.count(tokens.iter().copied(), &settled);
        Ok(settled)
    }

    async fn extend(&self, tokens: &[Token], lease: Duration) -> Result<Vec<Settled>> {
        // A lost lease shows as a stale settlement when it is settled.
        self.inner.extend(tokens, lease).await
    }
}
