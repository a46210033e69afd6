//! Handing out.

use std::time::Duration;

use glmsg_broker::{Received, Token};
use glmsg_core::{DeadLetterReason, Timestamp};

use super::{CAREFUL, Hold, Inbox, Out, Spot, size};
use crate::entry::{Content, Entry};
use crate::window::State;

/// What was taken to be handed out.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) received: Vec<Received>,
    /// What is not to be delivered but to become a dead letter, and why.
    pub(crate) condemned: Vec<(Token, DeadLetterReason, Box<str>)>,
    /// It must be committed that they were delivered before they are handed out.
    pub(crate) must_tell: bool,
}

impl Inbox {
    /// Takes at most `max` messages for a source.
    pub(crate) fn take(&mut self, max: usize, lease: Duration, now: Timestamp) -> Taken {
        let mut taken = Taken::default();
        let until = now.after(lease);
        while taken.received.len() < max {
            let has = |lane: usize| {
                let is_new = self.back[lane].is_empty();
                (!is_new || !self.new[lane].is_empty()) && !self.expected.hold(lane, is_new)
            };
            let picked = self
                .picker
                .pick(|priority| has(usize::from(priority.as_u8())));
            let Some(lane) = picked.map(|priority| usize::from(priority.as_u8())) else {
                break;
            };
            let is_new = self.back[lane].is_empty();
            let queue = if is_new {
                &mut self.new[lane]
            } else {
                &mut self.back[lane]
            };
            let Some(spot) = queue.pop_front() else { break };
            self.hand_out(spot, until, now, &mut taken);
        }
        if !taken.received.is_empty() || !taken.condemned.is_empty() {
            self.lease_end = Some(self.lease_end.map_or(until, |end| end.min(until)));
            self.changes += 1;
        }
        taken
    }

    fn hand_out(&mut self, spot: Spot, until: Timestamp, now: Timestamp, taken: &mut Taken) {
        let Some(assigned) = self.parts.get_mut(&spot.0) else {
            return;
        };
        if assigned.is_given_back {
            return;
        }
        // Who has the partition after a crash is as careful with so many behind what is committed.
        let is_careful = assigned.is_sealed
            || spot.1 < assigned.careful_until
            || spot.1 >= assigned.committed.saturating_add(CAREFUL);
        let Some(state) = assigned.window.get(spot.1) else {
            return;
        };
        // It may have been settled while it waited.
        if !matches!(state, State::Ready(_)) {
            return;
        }
        let State::Ready(mut entry) = std::mem::replace(state, State::Done) else {
            return;
        };
        entry.is_back = false;
        if let Some(lapsed) = entry.lapsed.take() {
            self.out.remove(&lapsed);
        }
        self.bytes -= size(&entry);
        let fence = self.next_fence;
        self.next_fence += 1;
        let token = Token::new(spot.1.unsigned_abs(), spot.0, fence);
        match verdict(&entry, now) {
            Some((reason, why)) => taken.condemned.push((token, reason, why)),
            None => {
                entry.attempts += 1;
                taken.received.extend(received(&entry, token));
                taken.must_tell |= is_careful;
                assigned.is_dirty = true;
            }
        }
        *state = State::Out(entry, fence);
        let hold = Hold::Leased(until);
        self.out.insert(fence, Out { spot, hold });
    }

    /// What a source took and nobody got goes back, as if it had not been taken.
    pub(crate) fn untake(&mut self, tokens: &[Token]) {
        for token in tokens.iter().rev() {
            let Some(out) = self.out.remove(&token.fence()) else {
                continue;
            };
            self.come_back(out.spot, None, None, true);
            let spot = out.spot;
            let state = self
                .parts
                .get_mut(&spot.0)
                .and_then(|p| p.window.get(spot.1));
            if let Some(State::Ready(entry)) = state {
                entry.attempts = entry.attempts.saturating_sub(1);
                let lane = entry.lane();
                // It was the last to come back: it is the first now.
                self.back[lane].rotate_right(1);
            }
        }
    }
}

/// Why it is not to be delivered.
fn verdict(entry: &Entry, now: Timestamp) -> Option<(DeadLetterReason, Box<str>)> {
    match &entry.content {
        Content::Bytes(_, why) => Some((DeadLetterReason::Undecodable, why.clone())),
        Content::Message(_) if entry.expires.is_some_and(|at| at <= now) => {
            Some((DeadLetterReason::Expired, "its time to live ran out".into()))
        }
        Content::Message(message) if entry.attempts >= message.max_attempts() => {
            let last = entry.history.last().map(|a| a.error.clone());
            Some((DeadLetterReason::MaxRetries, last.unwrap_or_default()))
        }
        Content::Message(_) => None,
    }
}

fn received(entry: &Entry, token: Token) -> Option<Received> {
    Some(Received {
        message: entry.message()?.clone(),
        token,
        attempt: entry.attempts,
        history: entry.history.clone(),
    })
}
