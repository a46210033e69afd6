//! Settling deliveries.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Nack, Ordering, Requeue, Settled, Settler, Token};
use glmsg_core::{Attempt, DeadLetterReason, GroupName, Result, Timestamp};
use tokio::task::coop::consume_budget;

use crate::delivery::Stage;
use crate::group::{Group, LANES, lane_and_offset};
use crate::lane::Lane;
use crate::member::Member;
use crate::shared::Shared;
use crate::topic::{End, Topic};

/// Settles the deliveries of a [`MemorySource`](crate::MemorySource). A clone is the same handle.
#[derive(Clone)]
pub struct MemorySettler {
    pub(crate) shared: Arc<Shared>,
    pub(crate) topic: Arc<Topic>,
    pub(crate) group: GroupName,
    pub(crate) group_id: u64,
    pub(crate) member: Arc<Member>,
}

impl fmt::Debug for MemorySettler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySettler")
            .field("topic", &self.topic.name)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

/// What is done to a group while its topic is locked.
struct Settling<'a> {
    group: &'a mut Group,
    lanes: &'a [Lane; LANES],
    now: Timestamp,
    /// Something may be deliverable, or due sooner, than waiting members know.
    wakes: bool,
}

impl MemorySettler {
    fn settle<T>(
        &self,
        items: &[T],
        settle: impl Fn(&mut Settling<'_>, &T) -> Settled,
    ) -> Result<Vec<Settled>> {
        let (mut state, now) = match self.topic.at(self.shared.now()) {
            Ok(found) => found,
            // Nobody holds anything of what is gone.
            Err(End::Deleted) => return Ok(vec![Settled::Stale; items.len()]),
            Err(end) => return Err(self.topic.error(end)),
        };
        let state = &mut *state;
        let group = state.groups.get_mut(&self.group);
        let Some(group) = group.filter(|group| group.id == self.group_id) else {
            return Ok(vec![Settled::Stale; items.len()]);
        };
        self.member.seen(now);
        let mut settling = Settling {
            wakes: group.ordering == Ordering::PerKey,
            group,
            lanes: &state.lanes,
            now,
        };
        let outcomes = items.iter().map(|item| settle(&mut settling, item));
        let outcomes = outcomes.collect();
        for progress in &mut settling.group.progress {
            progress.tidy();
        }
        if settling.wakes {
            settling.group.waiting.wake();
        }
        Ok(outcomes)
    }
}

impl Settling<'_> {
    fn ack(&mut self, token: Token) -> Settled {
        let (n, offset) = lane_and_offset(token);
        let progress = &mut self.group.progress[n];
        match progress.delivery_mut(offset) {
            Some(d) if d.stage == Stage::Leased && d.fence == token.fence() => {
                progress.finish(&self.lanes[n], offset);
                Settled::Acked
            }
            _ => Settled::Stale,
        }
    }

    fn nack(&mut self, nack: &Nack) -> Settled {
        let (n, offset) = lane_and_offset(nack.token);
        let lane = &self.lanes[n];
        let now = self.now;
        let progress = &mut self.group.progress[n];
        let Some((delivery, slot)) = progress.entry(lane, offset) else {
            return Settled::Stale;
        };
        if delivery.stage != Stage::Leased || delivery.fence != nack.token.fence() {
            return Settled::Stale;
        }
        let attempts = u32::from(delivery.attempts);
        let attempt = Attempt::new(attempts, now, nack.outcome, &nack.error);
        delivery.history_mut().push(attempt);
        self.wakes = true;
        let reason = match nack.requeue {
            Requeue::Never => nack.reason,
            Requeue::After(_) if attempts >= slot.message.max_attempts() => {
                DeadLetterReason::MaxRetries
            }
            Requeue::After(delay) => {
                let due = now.after(delay);
                self.wait(n, offset, due);
                return Settled::Retried(due);
            }
        };
        Settled::DeadLettered(self.group.bury(n, lane, offset, reason, now))
    }

    fn release(&mut self, token: Token) -> Settled {
        let (n, offset) = lane_and_offset(token);
        match self.group.progress[n].delivery_mut(offset) {
            Some(d) if d.stage == Stage::Leased && d.fence == token.fence() => {
                d.attempts = d.attempts.saturating_sub(1);
            }
            _ => return Settled::Stale,
        }
        self.wait(n, offset, self.now);
        self.wakes = true;
        Settled::Released
    }

    /// From leased to waiting.
    fn wait(&mut self, n: usize, offset: u64, due: Timestamp) {
        let progress = &mut self.group.progress[n];
        if let Some(delivery) = progress.delivery_mut(offset) {
            delivery.stage = Stage::Waiting;
            delivery.time = due;
            progress.leased -= 1;
            progress.waiting += 1;
            progress.come_back(offset, due);
        }
    }

    fn extend(&mut self, token: Token, lease: Duration) -> Settled {
        let (n, offset) = lane_and_offset(token);
        let progress = &mut self.group.progress[n];
        let deadline = self.now.after(lease);
        match progress.delivery_mut(offset) {
            Some(d) if d.stage == Stage::Leased && d.fence == token.fence() => d.time = deadline,
            _ => return Settled::Stale,
        }
        self.wakes |= progress.come_back(offset, deadline);
        Settled::Extended(deadline)
    }
}

impl Settler for MemorySettler {
    async fn ack(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        consume_budget().await;
        self.settle(tokens, |settling, token| settling.ack(*token))
    }

    async fn nack(&self, nacks: &[Nack]) -> Result<Vec<Settled>> {
        consume_budget().await;
        self.settle(nacks, |settling, nack| settling.nack(nack))
    }

    async fn release(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.settle(tokens, |settling, token| settling.release(*token))
    }

    async fn extend(&self, tokens: &[Token], lease: Duration) -> Result<Vec<Settled>> {
        self.settle(tokens, |settling, token| settling.extend(*token, lease))
    }
}
