//! Settling.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Nack, Settled, Settler, Token};
use glmsg_core::{Clock, GroupName, Message, Result, SystemClock, Timestamp, TopicName};

use crate::backend::Shared;
use crate::store::{Group, Topic};

/// Settles the deliveries of one source.
#[derive(Clone)]
pub struct ShelfSettler {
    pub(crate) shared: Arc<Shared>,
    pub(crate) topic: TopicName,
    pub(crate) group: GroupName,
    pub(crate) number: u64,
}

impl ShelfSettler {
    /// Settles one after the other, in one atomic step. Where the group is gone, all is stale.
    fn each<T>(
        &self,
        all: &[T],
        settle: impl Fn(&mut Group, &[(Timestamp, Message)], &T) -> Settled,
    ) -> Result<Vec<Settled>> {
        self.shared.with(|store| {
            let Ok(Topic { messages, groups }) = store.topic(&self.topic) else {
                return Ok(vec![Settled::Stale; all.len()]);
            };
            let settled = all.iter().map(|one| match groups.get_mut(&self.group) {
                Some(group) => settle(group, messages, one),
                None => Settled::Stale,
            });
            Ok(settled.collect())
        })
    }
}

impl Settler for ShelfSettler {
    async fn ack(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.each(tokens, |group, _, token| group.ack(*token))
    }

    async fn nack(&self, nacks: &[Nack]) -> Result<Vec<Settled>> {
        let (now, of) = (SystemClock.now(), (&self.topic, &self.group));
        self.each(nacks, |group, messages, nack| {
            group.nack(of, messages, nack, now)
        })
    }

    async fn release(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        let now = SystemClock.now();
        self.each(tokens, |group, _, token| group.release(*token, now))
    }

    async fn extend(&self, tokens: &[Token], lease: Duration) -> Result<Vec<Settled>> {
        let until = SystemClock.now().after(lease);
        self.each(tokens, |group, _, token| group.extend(*token, until))
    }
}
