//! Recording what a consumer receives and settles.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_broker::{BoxSettler, Broker, Nack, Received, Settled, Settler, Token};
use glmsg_conformance::{Hooks, Interposed};
use glmsg_core::{ErrorKind, Result};
use glmsg_faults::ledger::{self, GroupWriter, Settlement, Settling};

/// Records the deliveries and settlements of one consumer.
///
/// It stands between the consumer and its broker, and so sees also what the handler does not: renewals, what is given
/// back unhandled, and what comes of each acknowledgement.
#[derive(Debug)]
pub struct Recorder {
    ledger: GroupWriter,
    lease: Duration,
    ids: Mutex<HashMap<Token, String>>,
}

/// Calls that settle deliveries, each with its pen if the delivery is known.
type Begun<'a> = Vec<(Token, Option<Settling<'a>>)>;

impl Recorder {
    /// The broker for one consumer whose steps are recorded by `ledger`.
    pub fn before(
        broker: Arc<dyn Broker>,
        ledger: GroupWriter,
        lease: Duration,
    ) -> Arc<dyn Broker> {
        let recorder = Self {
            ledger,
            lease,
            ids: Mutex::default(),
        };
        Arc::new(Interposed::new(broker, Arc::new(recorder)))
    }

    fn ids(&self) -> MutexGuard<'_, HashMap<Token, String>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records what may come of calls that give messages back, before they are made: a process that dies before the answer
    /// has given them back all the same.
    fn forebode<'a>(&'a self, begun: &Begun<'a>, record: impl Fn(Settling<'a>, Settlement)) {
        let ids = self.ids();
        let ids = begun.iter().filter_map(|(token, _)| ids.get(token));
        ids.for_each(|id| record(self.ledger.settling(id), Settlement::Unknown));
    }

    fn begin(&self, tokens: impl Iterator<Item = Token>) -> Begun<'_> {
        let ids = self.ids();
        let begin = |token| {
            let id = ids.get(&token);
            (token, id.map(|id| self.ledger.settling(id)))
        };
        tokens.map(begin).collect()
    }

    fn end<'a>(
        &self,
        begun: Begun<'a>,
        settled: &Result<Vec<Settled>>,
        record: impl Fn(Settling<'a>, Settlement),
    ) {
        let settled = match settled {
            Ok(settled) => settled,
            Err(error) => {
                // Any other error says that nothing was done: the consumer still holds them, and tries again.
                if error.kind() == ErrorKind::Indeterminate {
                    let settlings = begun.into_iter().filter_map(|(_, settling)| settling);
                    settlings.for_each(|settling| record(settling, Settlement::Unknown));
                }
                return;
            }
        };
        for ((token, settling), settled) in begun.into_iter().zip(settled) {
            let result = match settled {
                Settled::DeadLettered(_) => Settlement::Dead,
                Settled::Stale => Settlement::Stale,
                _ => Settlement::Accepted,
            };
            if let Some(settling) = settling {
                record(settling, result);
            }
            self.ids().remove(&token);
        }
    }
}

impl Hooks for Recorder {
    async fn received(&self, deliveries: &[Received], _: &BoxSettler) {
        let lease_ms = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        for delivery in deliveries {
            let id = delivery.message.id().to_string();
            let token = delivery.token;
            let received = ledger::Received {
                attempt: delivery.attempt,
                lease_ms,
                position: Some(format!("{}-{}", token.place(), token.sub())),
            };
            self.ledger.recv(&id, received);
            self.ids().insert(token, id);
        }
    }

    async fn ack(&self, tokens: &[Token], settler: &BoxSettler) -> Result<Vec<Settled>> {
        let begun = self.begin(tokens.iter().copied());
        let settled = settler.ack(tokens).await;
        self.end(begun, &settled, Settling::ack);
        settled
    }

    async fn nack(&self, nacks: &[Nack], settler: &BoxSettler) -> Result<Vec<Settled>> {
        let begun = self.begin(nacks.iter().map(|nack| nack.token));
        self.forebode(&begun, Settling::nack);
        let settled = settler.nack(nacks).await;
        self.end(begun, &settled, Settling::nack);
        settled
    }

    async fn release(&self, tokens: &[Token], settler: &BoxSettler) -> Result<Vec<Settled>> {
        let begun = self.begin(tokens.iter().copied());
        self.forebode(&begun, Settling::release);
        let settled = settler.release(tokens).await;
        self.end(begun, &settled, Settling::release);
        settled
    }

    async fn extend(
        &self,
        tokens: &[Token],
        lease: Duration,
        settler: &BoxSettler,
    ) -> Result<Vec<Settled>> {
        let settled = settler.extend(tokens, lease).await?;
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        for (token, settled) in tokens.iter().zip(&settled) {
            let id = self.ids().get(token).cloned();
            if let (Settled::Extended(_), Some(id)) = (settled, id) {
                self.ledger.extend(&id, lease_ms);
            }
        }
        Ok(settled)
    }
}
