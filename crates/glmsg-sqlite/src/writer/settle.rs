//! Settling: acks, nacks, releases and extensions of what is leased.

use std::rc::Rc;
use std::time::Duration;

use glmsg_broker::{Nack, Requeue, Settled, Token};
use glmsg_core::{Attempt, DeadLetterReason, MessageId, Timestamp};

use super::bury::Corpse;
use super::candidate::{Candidate, find_leased};
use super::group::LEASED;
use super::keys;
use super::store::Store;
use crate::encode::{decode_history, encode_history};
use crate::error::{Outcome, Sql};

/// The row and fence of a token of the group.
fn parts(token: Token, group: i64) -> Option<(i64, i64)> {
    let part = |n: u64| i64::try_from(n).ok();
    (part(token.sub())? == group).then_some((part(token.place())?, part(token.fence())?))
}

impl Store {
    /// `true` if a member was not noted as seen for a while. Seldom, as it is a write.
    pub(super) fn is_to_be_seen(&self, member: i64, lease: Duration) -> bool {
        let is_recent = |seen: &Timestamp| self.now.since(*seen) < lease / 3;
        !self.seen.get(&member).is_some_and(is_recent)
    }

    /// Notes that a member was here, now and then.
    pub(super) fn see(&mut self, member: i64, lease: Duration) -> Sql<()> {
        if !self.is_to_be_seen(member, lease) {
            return Ok(());
        }
        let mut update = self
            .conn
            .prepare_cached("UPDATE member SET seen_at = max(seen_at, ?) WHERE id = ?")?;
        update.execute((self.now.as_micros(), member))?;
        self.seen.insert(member, self.now);
        Ok(())
    }

    pub(crate) fn ack(&mut self, id: i64, tokens: &[Token]) -> Outcome<Vec<Settled>> {
        if self.load_group(id)?.is_none() {
            return Ok(vec![Settled::Stale; tokens.len()]);
        }
        let conn = Rc::clone(&self.conn);
        let group = self.groups.get(&id);
        let is_plain = group.is_some_and(|g| !g.is_per_key() && g.revived == 0);
        let mut delete = conn.prepare_cached(
            "DELETE FROM delivery WHERE grp = ? AND seq = ? AND fence = ? AND state = ?",
        )?;
        let mut find = conn.prepare_cached(
            "SELECT 1 FROM delivery WHERE grp = ? AND seq = ? AND fence = ? AND state = ?",
        )?;
        let mut outcomes = Vec::with_capacity(tokens.len());
        for token in tokens {
            let Some((seq, fence)) = parts(*token, id) else {
                outcomes.push(Settled::Stale);
                continue;
            };
            let is_current = if is_plain {
                delete.execute((id, seq, fence, LEASED))? > 0
            } else {
                let found = find.exists((id, seq, fence, LEASED))?;
                if found {
                    self.finish(id, seq)?;
                }
                found
            };
            outcomes.push(if is_current {
                Settled::Acked
            } else {
                Settled::Stale
            });
        }
        self.reopen_age(id);
        Ok(outcomes)
    }

    /// Something was finished: there may be more that is too old.
    fn reopen_age(&mut self, group: i64) {
        let topic = self.groups.get(&group).map(|group| group.topic);
        if let Some(topic) = topic.and_then(|topic| self.topics.get_mut(&topic)) {
            topic.is_age_open = true;
        }
    }

    fn leased(&self, id: i64, token: Token) -> Sql<Option<Candidate>> {
        match parts(token, id) {
            Some((seq, fence)) => find_leased(&self.conn, id, seq, fence),
            None => Ok(None),
        }
    }

    pub(crate) fn nack(&mut self, id: i64, nacks: &[Nack]) -> Outcome<Vec<Settled>> {
        if self.load_group(id)?.is_none() {
            return Ok(vec![Settled::Stale; nacks.len()]);
        }
        let mut outcomes = Vec::with_capacity(nacks.len());
        for nack in nacks {
            outcomes.push(self.nack_one(id, nack)?);
        }
        self.woken.groups.insert(id);
        Ok(outcomes)
    }

    fn nack_one(&mut self, id: i64, nack: &Nack) -> Sql<Settled> {
        let Some(mut candidate) = self.leased(id, nack.token)? else {
            return Ok(Settled::Stale);
        };
        let (mut attempts, mut history) = (0, None);
        if let Some(known) = &mut candidate.known {
            attempts = known.attempts;
            let mut past = decode_history(known.history.as_deref());
            past.push(Attempt::new(attempts, self.now, nack.outcome, &nack.error));
            known.history = encode_history(&past);
            history.clone_from(&known.history);
        }
        let reason = match nack.requeue {
            Requeue::Never => nack.reason,
            Requeue::After(_) if attempts >= candidate.max_attempts => DeadLetterReason::MaxRetries,
            Requeue::After(delay) => {
                let due = self.now.after(delay);
                let mut update = self
                    .conn
                    .prepare_cached("UPDATE delivery SET history = ? WHERE grp = ? AND seq = ?")?;
                update.execute((history, id, candidate.seq))?;
                let key = candidate.key.as_deref();
                keys::wait(&self.conn, id, candidate.seq, key, due.as_micros())?;
                return Ok(Settled::Retried(due));
            }
        };
        self.bury_candidate(id, &candidate, attempts, reason)?;
        Ok(Settled::DeadLettered(reason))
    }

    pub(crate) fn release(&mut self, id: i64, tokens: &[Token]) -> Outcome<Vec<Settled>> {
        if self.load_group(id)?.is_none() {
            return Ok(vec![Settled::Stale; tokens.len()]);
        }
        let conn = Rc::clone(&self.conn);
        let mut find = conn.prepare_cached(
            "SELECT key FROM delivery WHERE grp = ? AND seq = ? AND fence = ? AND state = ?",
        )?;
        let mut uncount = conn.prepare_cached(
            "UPDATE delivery SET attempts = max(attempts - 1, 0) WHERE grp = ? AND seq = ?",
        )?;
        let mut outcomes = Vec::with_capacity(tokens.len());
        for token in tokens {
            let mut outcome = Settled::Stale;
            if let Some((seq, fence)) = parts(*token, id) {
                let mut rows = find.query((id, seq, fence, LEASED))?;
                if let Some(row) = rows.next()? {
                    let key: Option<String> = row.get(0)?;
                    drop(rows);
                    uncount.execute((id, seq))?;
                    keys::wait(&conn, id, seq, key.as_deref(), self.now.as_micros())?;
                    outcome = Settled::Released;
                }
            }
            outcomes.push(outcome);
        }
        self.woken.groups.insert(id);
        Ok(outcomes)
    }

    pub(crate) fn extend(
        &mut self,
        id: i64,
        member: i64,
        tokens: &[Token],
        lease: Duration,
    ) -> Outcome<Vec<Settled>> {
        if self.load_group(id)?.is_none() {
            return Ok(vec![Settled::Stale; tokens.len()]);
        }
        self.see(member, lease)?;
        let conn = Rc::clone(&self.conn);
        let deadline = self.now.after(lease);
        let mut update = conn.prepare_cached(
            "UPDATE delivery SET due = ? WHERE grp = ? AND seq = ? AND fence = ? AND state = ?",
        )?;
        let mut outcomes = Vec::with_capacity(tokens.len());
        for token in tokens {
            let mut outcome = Settled::Stale;
            if let Some((seq, fence)) = parts(*token, id)
                && update.execute((deadline.as_micros(), id, seq, fence, LEASED))? > 0
            {
                outcome = Settled::Extended(deadline);
            }
            outcomes.push(outcome);
        }
        // A shorter lease may end sooner than those who wait know.
        self.woken.groups.insert(id);
        Ok(outcomes)
    }

    /// Makes dead letters of deliveries whose bytes are no message: they were no attempts, and get
    /// an id of their own.
    pub(crate) fn condemn(&mut self, id: i64, wrong: &[(Token, Box<str>)]) -> Outcome<u64> {
        if self.load_group(id)?.is_none() {
            return Ok(0);
        }
        let mut buried = 0;
        for (token, detail) in wrong {
            let Some(candidate) = self.leased(id, *token)? else {
                continue;
            };
            let known = candidate.known.as_ref();
            self.bury(
                id,
                &Corpse {
                    seq: candidate.seq,
                    id: MessageId::new().as_bytes(),
                    at: candidate.at,
                    key: candidate.key.as_deref(),
                    reason: DeadLetterReason::Undecodable,
                    attempts: known.map_or(0, |known| known.attempts.saturating_sub(1)),
                    detail,
                    history: known.and_then(|known| known.history.as_deref()),
                    body: &candidate.body,
                },
            )?;
            buried += 1;
        }
        Ok(buried)
    }
}
