//! Receiving: choosing, leasing, and burying what must not be delivered any more.

use std::rc::Rc;

use glmsg_broker::{Intake, Token};
use glmsg_core::{Attempt, AttemptOutcome, DeadLetterReason, Priority, Timestamp};

use super::bury::Corpse;
use super::candidate::Candidate;
use super::group::LEASED;
use super::search::{Candidates, MOST_BYTES};
use super::store::Store;
use crate::encode::{decode_history, encode_history};
use crate::error::Sql;
use crate::place::LANES;
use crate::wake::{Batch, Fetch, Raw};

/// What a fetch came to.
pub(super) enum Fetched {
    /// Something to hand out.
    Some(Batch),
    /// Nothing yet; perhaps at this time.
    Nothing(Option<Timestamp>),
    /// There is no such group any more.
    Gone,
    /// Nothing, and the one who asked has given up meanwhile.
    Withdrawn,
}

/// What all deliveries of a fetch have in common.
struct Lease {
    group: i64,
    member: i64,
    fence: i64,
    deadline: i64,
    is_per_key: bool,
}

impl Store {
    /// Leases what the group may have.
    pub(super) fn fetch(&mut self, fetch: &Fetch) -> Sql<Fetched> {
        let Some(topic) = self.load_group(fetch.group)? else {
            return Ok(Fetched::Gone);
        };
        self.tick(topic)?;
        self.see(fetch.member, fetch.lease)?;
        // Taken out of the maps, so that the dead can be buried meanwhile.
        let mut picker = self.pickers.remove(&fetch.group).unwrap_or_default();
        let conn = Rc::clone(&self.conn);
        let mut candidates = Candidates::new(&conn, self.now, fetch.max);
        let mut batch = Batch {
            raws: Vec::new(),
            intake: Intake::default(),
            at: self.now,
        };
        let mut lease: Option<Lease> = None;
        let mut size = 0;
        while candidates.wanted > 0 && size < MOST_BYTES {
            let mut has = [false; LANES];
            let (Some(group), Some(state)) =
                (self.groups.get_mut(&fetch.group), self.topics.get(&topic))
            else {
                break;
            };
            for (lane, has) in has.iter_mut().enumerate() {
                *has = candidates.has(group, state, lane)?;
            }
            let picked = picker.pick(|p: Priority| has[usize::from(p.as_u8())]);
            let Some(lane) = picked.map(|p| usize::from(p.as_u8())) else {
                break;
            };
            let is_top = !has[lane + 1..].contains(&true);
            let Some(candidate) = candidates.take(group, state, lane, is_top)? else {
                continue;
            };
            let lease = lease.get_or_insert_with(|| {
                group.fence += 1;
                group.is_dirty = true;
                Lease {
                    group: fetch.group,
                    member: fetch.member,
                    fence: group.fence,
                    deadline: self.now.after(fetch.lease).as_micros(),
                    is_per_key: group.is_per_key(),
                }
            });
            match self.deliver(candidate, lease)? {
                Ok(raw) => {
                    size += raw.body.len();
                    batch.raws.push(raw);
                    candidates.wanted -= 1;
                }
                Err(reason) => {
                    match reason {
                        DeadLetterReason::Expired => batch.intake.expired += 1,
                        _ => batch.intake.dead_lettered += 1,
                    }
                    candidates.look_again(lane);
                }
            }
        }
        self.pickers.insert(fetch.group, picker);
        if !batch.is_empty() {
            return Ok(Fetched::Some(batch));
        }
        if candidates.parked > 0 {
            // There may be more behind what was set aside.
            return Ok(Fetched::Nothing(Some(self.now)));
        }
        Ok(Fetched::Nothing(self.next_due(fetch.group, topic)?))
    }

    /// Leases the candidate, or makes it a dead letter.
    fn deliver(
        &mut self,
        candidate: Candidate,
        lease: &Lease,
    ) -> Sql<Result<Raw, DeadLetterReason>> {
        let attempts = candidate.known.as_ref().map_or(0, |known| known.attempts);
        if candidate.expires.is_some_and(|expires| expires <= self.now) {
            let reason = DeadLetterReason::Expired;
            self.bury_candidate(lease.group, &candidate, attempts, reason)?;
            return Ok(Err(reason));
        }
        let mut candidate = candidate;
        if let Some(known) = candidate.known.as_mut().filter(|known| known.is_leased) {
            let mut history = decode_history(known.history.as_deref());
            history.push(Attempt::new(
                attempts,
                self.now,
                AttemptOutcome::LeaseExpired,
                "",
            ));
            known.history = encode_history(&history);
            if attempts >= candidate.max_attempts {
                let reason = DeadLetterReason::MaxRetries;
                self.bury_candidate(lease.group, &candidate, attempts, reason)?;
                return Ok(Err(reason));
            }
        }
        let attempt = attempts.saturating_add(1);
        let conn = Rc::clone(&self.conn);
        let lane = i64::try_from(crate::place::lane_of(candidate.seq)).unwrap_or(0);
        let history = match &candidate.known {
            None => {
                let mut insert = conn.prepare_cached(
                    "INSERT INTO delivery (grp, seq, lane, due, state, fence, attempts, member, \
                     key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                )?;
                insert.execute((
                    lease.group,
                    candidate.seq,
                    lane,
                    lease.deadline,
                    LEASED,
                    lease.fence,
                    attempt,
                    lease.member,
                    candidate.key.as_deref().filter(|_| lease.is_per_key),
                ))?;
                None
            }
            Some(known) => {
                let mut update = conn.prepare_cached(
                    "UPDATE delivery SET due = ?, state = ?, fence = ?, attempts = ?, \
                     member = ?, history = ? WHERE grp = ? AND seq = ?",
                )?;
                update.execute((
                    lease.deadline,
                    LEASED,
                    lease.fence,
                    attempt,
                    lease.member,
                    &known.history,
                    lease.group,
                    candidate.seq,
                ))?;
                known.history.clone()
            }
        };
        Ok(Ok(Raw {
            token: token(candidate.seq, lease.group, lease.fence),
            attempt,
            history,
            body: candidate.body,
        }))
    }

    /// Makes a message a dead letter that shows its last error.
    pub(super) fn bury_candidate(
        &mut self,
        group: i64,
        candidate: &Candidate,
        attempts: u32,
        reason: DeadLetterReason,
    ) -> Sql<()> {
        let stored = candidate.known.as_ref().and_then(|k| k.history.as_deref());
        let history = decode_history(stored);
        let detail = history.last().map_or("", |last| &last.error);
        self.bury(
            group,
            &Corpse {
                seq: candidate.seq,
                id: &candidate.id,
                at: candidate.at,
                key: candidate.key.as_deref(),
                reason,
                attempts,
                detail,
                history: stored,
                body: &candidate.body,
            },
        )
    }

    /// When something may be deliverable without anybody doing anything.
    pub(super) fn next_due(&self, group: i64, topic: i64) -> Sql<Option<Timestamp>> {
        let mut find = self.conn.prepare_cached(
            "SELECT due FROM delivery WHERE grp = ? AND lane = ? AND due > ? ORDER BY due LIMIT 1",
        )?;
        let mut next = self.next_scheduled(topic);
        for lane in 0..LANES {
            let lane = i64::try_from(lane).unwrap_or(0);
            let mut rows = find.query((group, lane, self.now.as_micros()))?;
            if let Some(row) = rows.next()? {
                let due = Timestamp::from_micros(row.get(0)?);
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        Ok(next)
    }
}

/// A token is the message's row, the group and the fence.
#[allow(clippy::cast_sign_loss, reason = "none of them is negative")]
pub(super) const fn token(seq: i64, group: i64, fence: i64) -> Token {
    Token::new(seq as u64, group as u64, fence as u64)
}
