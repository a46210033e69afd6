//! Settling deliveries.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Nack, Settled, Settler, Token};
use glmsg_core::Result;

use crate::queue::Handle;

/// Settles the deliveries of a [`SqliteSource`](crate::SqliteSource), also when that is gone. A
/// clone is the same handle.
#[derive(Clone)]
pub struct SqliteSettler {
    pub(crate) handle: Arc<Handle>,
    pub(crate) group: i64,
    pub(crate) member: i64,
}

impl fmt::Debug for SqliteSettler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSettler")
            .field("group", &self.group)
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

impl Settler for SqliteSettler {
    async fn ack(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        let (group, tokens) = (self.group, tokens.to_vec());
        let done = self
            .handle
            .call(tokens.len(), move |store| store.ack(group, &tokens));
        done.await.map_err(|e| e.operation("ack"))
    }

    async fn nack(&self, nacks: &[Nack]) -> Result<Vec<Settled>> {
        let (group, nacks) = (self.group, nacks.to_vec());
        let done = self
            .handle
            .call(nacks.len(), move |store| store.nack(group, &nacks));
        done.await.map_err(|e| e.operation("nack"))
    }

    async fn release(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        let (group, tokens) = (self.group, tokens.to_vec());
        let done = self
            .handle
            .call(tokens.len(), move |store| store.release(group, &tokens));
        done.await.map_err(|e| e.operation("release"))
    }

    async fn extend(&self, tokens: &[Token], lease: Duration) -> Result<Vec<Settled>> {
        let (group, member, tokens) = (self.group, self.member, tokens.to_vec());
        let done = self.handle.call(tokens.len(), move |store| {
            store.extend(group, member, &tokens, lease)
        });
        done.await.map_err(|e| e.operation("extend"))
    }
}
