//! What came: kept until it is handed out, or until the server has decided about it.

use glmsg_broker::{Intake, Received, Settled, Settler as _, Token};
use glmsg_core::{MessageId, Result, clean_error_text};
use tokio::time::Instant;

use super::RedisSource;
use crate::acker::Wish;
use crate::encode::{decode_history, decode_next};
use crate::member::Held;
use crate::reading::{Batch, Raw};

impl RedisSource {
    pub(super) fn keep(&mut self, batch: Batch, since: Instant, max: usize) {
        self.must_look = batch.rang;
        self.was_refused = batch.was_refused;
        let is_empty = batch.raws.is_empty();
        if let Some(look) = batch.look {
            self.picks = look.picks;
            self.looked_at = since;
            self.is_in_doubt = false;
            // Plain reads follow as long as there is nothing to weigh.
            let is_over = is_empty && batch.intake == Intake::default();
            self.must_look = !is_over && !look.is_plain;
            self.look = Some(look);
        } else if batch.rang && self.is_small(max) {
            self.set_aside(&batch.raws, since);
            return;
        } else {
            let taken = i64::try_from(batch.raws.len()).unwrap_or(0);
            self.picks[0] = (self.picks[0] + taken) % 16;
        }
        if is_empty && batch.intake == Intake::default() {
            return;
        }
        self.fetched_at = since;
        self.intake.expired += batch.intake.expired;
        self.intake.dead_lettered += batch.intake.dead_lettered;
        self.intake.undecodable += batch.intake.undecodable;
        let until = since + self.lease;
        let now = self.now();
        self.note_sizes(&batch.raws);
        let settler = self.asker.settler.clone();
        let mut deliveries = settler.deliveries();
        for raw in batch.raws {
            if raw.finished.is_some() {
                self.open_frame(&mut deliveries, &raw, until, now);
                continue;
            }
            let token = deliveries.add(Held::entry(&raw, until));
            match decode_next(&raw.body, &mut self.decoder) {
                Ok(message) => {
                    let received = Received {
                        message,
                        token,
                        attempt: raw.attempt,
                        history: decode_history(&raw.history),
                    };
                    // The server decides; our reckoning only says whom to ask about.
                    match raw.expires {
                        Some(at) if at <= now + 5 => self.stale.push(received),
                        _ => self.ready.push_back(received),
                    }
                }
                Err(e) => self.wrong.push((token, clean_error_text(&e.to_string()))),
            }
        }
    }

    /// Something urgent or returned came along with what was new, or before it: all of it goes back,
    /// and the fetch step says what is first.
    fn set_aside(&mut self, raws: &[Raw], since: Instant) {
        let until = since + self.lease;
        let mut deliveries = self.asker.settler.deliveries();
        let tokens = raws
            .iter()
            .map(|raw| deliveries.add(Held::entry(raw, until)));
        self.early.extend(tokens);
    }

    pub(super) async fn put_back(&mut self) -> Result<()> {
        let wishes: Vec<Wish> = self.early.iter().copied().map(Wish::put_back).collect();
        self.asker.settler.settle(&wishes).await?;
        self.early.clear();
        Ok(())
    }

    /// The server's clock in milliseconds, about.
    pub(super) fn now(&self) -> i64 {
        let elapsed = i64::try_from(self.looked_at.elapsed().as_millis()).unwrap_or(0);
        self.look.as_ref().map_or(0, |look| look.now) + elapsed
    }

    /// Has the server decide about what seems past its time.
    pub(super) async fn expire(&mut self) -> Result<()> {
        let tokens = self.stale.iter().map(|received| received.token);
        let wishes: Vec<Wish> = tokens.map(Wish::expire).collect();
        let settled = self.asker.settler.settle(&wishes).await?;
        for (received, settled) in self.stale.drain(..).zip(settled) {
            match settled {
                Settled::DeadLettered(_) => self.intake.expired += 1,
                // Where it was among the others.
                Settled::Released => {
                    let number = received.token.fence();
                    let at = self.ready.partition_point(|r| r.token.fence() < number);
                    self.ready.insert(at, received);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Has what is no message buried.
    pub(super) async fn condemn(&mut self) -> Result<()> {
        let each = self.wrong.iter();
        let wishes: Vec<Wish> = each
            .map(|(token, why)| Wish::bury(*token, MessageId::new().as_bytes(), why))
            .collect();
        let settled = self.asker.settler.settle(&wishes).await?;
        let buried = settled.into_iter().filter(|s| s.is_current()).count();
        self.intake.dead_lettered += buried as u64;
        self.intake.undecodable += buried as u64;
        self.wrong.clear();
        Ok(())
    }

    /// What was fetched for a receive that was given up may have waited here for long: it is
    /// handed out only if it is still ours, and with a whole lease.
    pub(super) async fn renew(&mut self) -> Result<()> {
        if self.ready.is_empty() || self.fetched_at.elapsed() < self.lease / 2 {
            return Ok(());
        }
        let tokens: Vec<Token> = self.ready.iter().map(|received| received.token).collect();
        let settled = self.asker.settler.extend(&tokens, self.lease).await?;
        let mut is_ours = settled.into_iter().map(Settled::is_current);
        self.ready.retain(|_| is_ours.next().unwrap_or(false));
        self.fetched_at = Instant::now();
        Ok(())
    }
}
