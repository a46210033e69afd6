//! Handing out what was read.

use std::collections::BTreeMap;
use std::time::Instant;

use glmsg_core::{Attempt, AttemptOutcome, DeadLetterReason, Result, Timestamp};

use super::standing::Standing;
use super::state::{BACK, Desk, Held, Input, Outgoing, Part, Place, State};
use crate::entry::{Content, Entry};
use crate::{record, retry};

/// What was taken into the open transaction.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) inputs: Vec<Input>,
    /// Something was set aside: made a dead letter, or sent on to wait.
    pub(super) was_aside: bool,
    /// Of the next message it is to be told first that it is delivered.
    pub(super) must_tell: bool,
}

impl Desk {
    /// Takes at most `max` messages into the open transaction; if `is_solo`, one that may have ended
    /// its process comes alone.
    pub(super) fn take(&self, max: usize, is_solo: bool) -> Result<Taken> {
        let (now, mut taken) = (self.now(), Taken::default());
        let mut state = self.state();
        state.check()?;
        while taken.inputs.len() < max
            && let Some(mut held) = state.pop()
        {
            let (part, offset) = held.place;
            let standing = state.parts.get(&part).filter(|it| it.is_known());
            let Some(standing) = standing else {
                taken.must_tell = true;
                state.put_back(held);
                break;
            };
            let (before, ended) = (standing.before(offset), standing.ended(offset));
            let must_tell = standing.must_tell(offset);
            let is_suspect = is_solo && is_suspect(&held, standing);
            let has_sent = state.open.as_ref().is_some_and(|open| open.has_sent);
            let aside = self
                .aside(&held.entry, now)
                .or_else(|| self.is_used_up(&mut held, before, now));
            let waits = match aside {
                Some(_) => false,
                None if is_suspect && !taken.inputs.is_empty() => true,
                // What is sent cannot be taken back, so nothing can be told before it any more.
                None => must_tell && !has_sent,
            };
            if waits {
                taken.must_tell = must_tell;
                state.put_back(held);
                break;
            }
            let Some(open) = &mut state.open else { break };
            open.taken.insert(part, offset + 1);
            open.since.get_or_insert_with(Instant::now);
            if let Some(outgoing) = aside {
                open.outgoing.push(outgoing);
                taken.was_aside = true;
                continue;
            }
            open.is_last |= is_solo;
            count(&mut held.entry, before, now);
            let attempt = held.entry.attempts.saturating_add(ended - before + 1);
            taken
                .inputs
                .extend(held.entry.message().cloned().map(|message| Input {
                    message,
                    attempt,
                    held: held.clone(),
                }));
            if is_suspect {
                break;
            }
        }
        drop(state);
        // There is room to read on.
        self.bell.ring();
        Ok(taken)
    }

    /// What is to be sent instead of handing an entry out.
    fn aside(&self, entry: &Entry, now: Timestamp) -> Option<Outgoing> {
        if let Content::Bytes(_, why) = &entry.content {
            return Some(self.letter(entry, DeadLetterReason::Undecodable, why));
        }
        if entry.expires.is_some_and(|at| at <= now) {
            let why = "its time to live ran out";
            return Some(self.letter(entry, DeadLetterReason::Expired, why));
        }
        let wait = entry.due.filter(|due| *due > now)?.since(now);
        let sent = record::write(entry);
        Some(Outgoing {
            topic: self.names.retry.clone(),
            partition: Some(retry::tier(wait)),
            key: entry.key().map(|key| key.as_bytes().to_vec()),
            value: sent.value.into(),
            headers: sent.headers,
        })
    }

    /// The dead letter of a message that was with others as often as it may be, and did not come
    /// back from the last.
    fn is_used_up(&self, held: &mut Held, before: u32, now: Timestamp) -> Option<Outgoing> {
        if before == 0 || !is_over(&held.entry, before) {
            return None;
        }
        count(&mut held.entry, before, now);
        let last = held.entry.history.last().map(|last| last.error.clone());
        let why = last.unwrap_or_default();
        Some(self.letter(&held.entry, DeadLetterReason::MaxRetries, &why))
    }
}

/// Whether a message may not be delivered once more, having been with others so often.
fn is_over(entry: &Entry, before: u32) -> bool {
    let attempts = entry.attempts.saturating_add(before);
    entry
        .message()
        .is_some_and(|it| attempts >= it.max_attempts())
}

/// Adds attempts that others have made.
fn count(entry: &mut Entry, before: u32, now: Timestamp) {
    for _ in 0..before {
        entry.attempts += 1;
        let (number, outcome) = (entry.attempts, AttemptOutcome::LeaseExpired);
        entry.history.push(Attempt::new(number, now, outcome, ""));
    }
}

/// Whether a message may have ended its process: the next time would be its third, or its last. As
/// with a consumer, the first two are shared by all that the process had.
fn is_suspect(held: &Held, standing: &Standing) -> bool {
    let before = standing.before(held.place.1);
    before >= 2 || (before == 1 && is_over(&held.entry, before + 1))
}

impl State {
    fn pop(&mut self) -> Option<Held> {
        let held = match self.queues[BACK].pop_front() {
            Some(held) => held,
            None => {
                let queues = &self.queues;
                let lane = self
                    .picker
                    .pick(|priority| !queues[usize::from(priority.as_u8())].is_empty())?;
                self.queues[usize::from(lane.as_u8())].pop_front()?
            }
        };
        self.count -= 1;
        self.bytes -= held.size();
        Some(held)
    }

    /// It was not to be taken yet.
    fn put_back(&mut self, held: Held) {
        self.count += 1;
        self.bytes += held.size();
        self.queues[held.place.0.0.min(BACK)].push_front(held);
    }

    /// Which of the next messages are to be told of before at most `max` are taken.
    pub(super) fn plan(&mut self, max: usize, is_solo: bool) -> Vec<Place> {
        let picker = self.picker.clone();
        let (mut seen, mut places, mut count) = (Vec::new(), Vec::new(), 0);
        while count < max
            && let Some(held) = self.pop()
        {
            let (part, offset) = held.place;
            let standing = self.parts.get(&part).filter(|it| it.is_known());
            let (is_known, is_next, is_alone) = match standing {
                Some(standing) => {
                    let is_over = is_over(&held.entry, standing.before(offset));
                    let is_next = held.entry.message().is_some() && !is_over;
                    (true, is_next, is_solo && is_suspect(&held, standing))
                }
                None => (false, false, false),
            };
            let must_tell = standing.is_some_and(|it| it.must_tell(offset));
            seen.push(held);
            if !is_known || (is_next && is_alone && count > 0) {
                break;
            }
            if is_next {
                count += 1;
                places.extend(must_tell.then_some((part, offset)));
            }
            if is_next && is_alone {
                break;
            }
        }
        seen.into_iter().rev().for_each(|held| self.put_back(held));
        self.picker = picker;
        places
    }

    /// The partitions of messages that wait of which it is not known how far the group is, each with
    /// the first of its messages.
    pub(super) fn unknown(&self) -> BTreeMap<Part, i64> {
        let mut firsts = BTreeMap::new();
        for held in self.queues.iter().flatten() {
            let (part, offset) = held.place;
            if !self.parts.get(&part).is_some_and(Standing::is_known) {
                firsts.entry(part).or_insert(offset);
            }
        }
        firsts
    }

    /// Whether what comes next may have to be told of.
    pub(super) fn is_careful(&self) -> bool {
        let is_known = |part: &Part| self.parts.get(part).is_some_and(Standing::is_known);
        let mut parts = self.parts.values();
        let mut waiting = self.queues.iter().flatten();
        self.parts.is_empty()
            || parts.any(|it| it.is_known() && it.is_careful())
            || waiting.any(|held| !is_known(&held.place.0))
    }
}
