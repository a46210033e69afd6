//! Settling deliveries.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Nack, Settled, Settler, Token};
use glmsg_core::Result;
use tokio::task::JoinHandle;

use crate::broker::{Shared, closed};
use crate::group::Group;
use crate::inbox::Verdict;
use crate::moving;

/// Settles the deliveries of a [`KafkaSource`](crate::KafkaSource).
#[derive(Clone)]
pub struct KafkaSettler {
    pub(crate) shared: Arc<Shared>,
    pub(crate) group: Arc<Group>,
}

impl fmt::Debug for KafkaSettler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSettler")
            .field("topic", &self.group.topic)
            .field("group", &self.group.group)
            .finish_non_exhaustive()
    }
}

impl KafkaSettler {
    fn check(&self, operation: &'static str) -> Result<()> {
        let open = self.shared.check_open().and_then(|()| self.group.check());
        open.map_err(|e| e.operation(operation))
    }

    async fn make_sure(
        &self,
        operation: &'static str,
        tokens: impl Iterator<Item = Token>,
    ) -> Result<()> {
        let sure = self.group.make_sure(tokens).await;
        sure.map_err(|e| e.operation(operation))
    }

    fn begin(&self, verdict: Verdict) -> Begun {
        let group = Arc::clone(&self.group);
        let runtime = group.runtime.clone();
        match verdict {
            Verdict::Settled(settled) => Begun::Done(settled),
            Verdict::Retry(moved, due) => Begun::Task(
                Settled::Retried(due),
                runtime.spawn(async move { moving::to_retry(&group, &moved, due).await }),
            ),
            Verdict::Bury(moved, reason, why) => Begun::Task(
                Settled::DeadLettered(reason),
                runtime.spawn(async move { moving::bury(&group, &moved, reason, &why).await }),
            ),
        }
    }

    fn after(&self) {
        self.group.nudge();
        self.group.offer();
    }
}

/// A settlement that is under way.
enum Begun {
    Done(Settled),
    Task(Settled, JoinHandle<Result<()>>),
}

impl Begun {
    async fn end(self) -> Result<Settled> {
        match self {
            Self::Done(settled) => Ok(settled),
            Self::Task(settled, task) => match task.await {
                Ok(result) => result.map(|()| settled),
                Err(_) => Err(closed()),
            },
        }
    }
}

impl Settler for KafkaSettler {
    async fn ack(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.check("ack")?;
        self.make_sure("ack", tokens.iter().copied()).await?;
        let mut spent = Vec::with_capacity(tokens.len());
        let settled = {
            let mut inbox = self.group.inbox();
            let each = tokens.iter().map(|token| inbox.ack(*token, &mut spent));
            each.collect()
        };
        self.group.intake.give_back(spent);
        self.group.notice();
        Ok(settled)
    }

    async fn nack(&self, nacks: &[Nack]) -> Result<Vec<Settled>> {
        self.check("nack")?;
        self.make_sure("nack", nacks.iter().map(|nack| nack.token))
            .await?;
        let now = self.group.now();
        let verdicts: Vec<Verdict> = {
            let mut inbox = self.group.inbox();
            nacks.iter().map(|nack| inbox.nack(nack, now)).collect()
        };
        // As tasks of their own: what has begun to move must arrive, also if nobody waits for it.
        let begun: Vec<Begun> = verdicts.into_iter().map(|v| self.begin(v)).collect();
        let mut settled = Vec::with_capacity(begun.len());
        let mut failure = None;
        for begun in begun {
            match begun.end().await {
                Ok(one) => settled.push(one),
                Err(error) => failure = Some(error),
            }
        }
        self.after();
        if let Some(error) = failure {
            return Err(error.operation("nack"));
        }
        Ok(settled)
    }

    async fn release(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.check("release")?;
        self.make_sure("release", tokens.iter().copied()).await?;
        let settled = {
            let mut inbox = self.group.inbox();
            tokens.iter().map(|token| inbox.release(*token)).collect()
        };
        self.after();
        Ok(settled)
    }

    async fn extend(&self, tokens: &[Token], lease: Duration) -> Result<Vec<Settled>> {
        self.check("extend")?;
        self.make_sure("extend", tokens.iter().copied()).await?;
        let now = self.group.now();
        let mut inbox = self.group.inbox();
        Ok(tokens
            .iter()
            .map(|token| inbox.extend(*token, lease, now))
            .collect())
    }
}
