//! A consumer group: what it has of a topic, and the next deliveries.

use std::array;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{GroupInfo, Intake, LanePicker, Ordering, Received, Token};
use glmsg_core::{Attempt, AttemptOutcome, DeadLetterReason, GroupName, Timestamp, TopicName};

use crate::dead_letter::{Dead, DeadLetters};
use crate::delivery::Stage;
use crate::lane::Lane;
use crate::member::Members;
use crate::progress::{Candidate, Progress};
use crate::waiting::Waiting;

/// How many lanes there are: one for each priority.
pub(crate) const LANES: usize = 4;

/// A consumer group of a topic.
#[derive(Debug)]
pub(crate) struct Group {
    /// Tells it from a later one of the same name.
    pub(crate) id: u64,
    pub(crate) ordering: Ordering,
    pub(crate) created_at: Timestamp,
    pub(crate) progress: [Progress; LANES],
    pub(crate) members: Members,
    pub(crate) dead: DeadLetters,
    pub(crate) waiting: Arc<Waiting>,
    picker: LanePicker,
}

/// What a member asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) now: Timestamp,
    pub(crate) lease: Duration,
    pub(crate) max: usize,
    pub(crate) member: u32,
    /// One for all deliveries of the request: no message is in it twice.
    pub(crate) fence: u64,
}

/// A message's place as a token holds it.
pub(crate) fn place(lane: usize, offset: u64) -> u64 {
    offset << 2 | lane as u64
}

/// Lane and offset of a token.
pub(crate) fn lane_and_offset(token: Token) -> (usize, u64) {
    #[allow(clippy::cast_possible_truncation, reason = "two bits")]
    let lane = (token.place() & 3) as usize;
    (lane, token.place() >> 2)
}

impl Group {
    /// A group that begins with the message of ordinal `start`.
    pub(crate) fn new(
        id: u64,
        ordering: Ordering,
        start: u64,
        lanes: &[Lane; LANES],
        now: Timestamp,
    ) -> Self {
        let is_per_key = ordering == Ordering::PerKey;
        let begin =
            |lane: &Lane| Progress::new(lane.first_not(|slot| slot.ordinal < start), is_per_key);
        Self {
            id,
            ordering,
            created_at: now,
            progress: array::from_fn(|n| begin(&lanes[n])),
            members: Members::default(),
            dead: DeadLetters::default(),
            waiting: Arc::default(),
            picker: LanePicker::default(),
        }
    }

    /// Appends what is deliverable to `buf`, at most `request.max`; says whether there is more.
    pub(crate) fn receive(
        &mut self,
        lanes: &[Lane; LANES],
        request: &Request,
        buf: &mut Vec<Received>,
    ) -> (Intake, bool) {
        let mut intake = Intake::default();
        let now = request.now;
        let mut candidates: [Option<Candidate>; LANES] =
            array::from_fn(|n| self.progress[n].candidate(&lanes[n], now));
        let end = buf.len().saturating_add(request.max);
        while buf.len() < end {
            let has = |p: glmsg_core::Priority| candidates[usize::from(p.as_u8())].is_some();
            let Some(priority) = self.picker.pick(has) else {
                break;
            };
            let n = usize::from(priority.as_u8());
            let Some(candidate) = candidates[n] else {
                break;
            };
            match self.deliver(n, &lanes[n], candidate, request) {
                Ok(received) => buf.extend(received),
                Err(DeadLetterReason::Expired) => intake.expired += 1,
                Err(_) => intake.dead_lettered += 1,
            }
            candidates[n] = self.progress[n].candidate(&lanes[n], now);
        }
        let deadline = now.after(request.lease);
        for progress in &mut self.progress {
            progress.end_receive(deadline);
        }
        (intake, candidates.iter().any(Option::is_some))
    }

    /// Leases the candidate, or makes it a dead letter.
    fn deliver(
        &mut self,
        n: usize,
        lane: &Lane,
        candidate: Candidate,
        request: &Request,
    ) -> Result<Option<Received>, DeadLetterReason> {
        let now = request.now;
        let progress = &mut self.progress[n];
        progress.take(candidate);
        let offset = candidate.offset;
        let Some((delivery, slot)) = progress.entry(lane, offset) else {
            return Ok(None);
        };
        let renewed = delivery.extra.as_ref().and_then(|e| e.expires_at);
        if renewed.unwrap_or(slot.expires_at) <= now {
            return Err(self.bury(n, lane, offset, DeadLetterReason::Expired, now));
        }
        if delivery.stage == Stage::Leased {
            let attempts = u32::from(delivery.attempts);
            let lost = Attempt::new(attempts, now, AttemptOutcome::LeaseExpired, "");
            delivery.history_mut().push(lost);
            if attempts >= slot.message.max_attempts() {
                return Err(self.bury(n, lane, offset, DeadLetterReason::MaxRetries, now));
            }
        }
        let before = delivery.stage;
        let deadline = now.after(request.lease);
        delivery.attempts = delivery.attempts.saturating_add(1);
        delivery.fence = request.fence;
        delivery.member = request.member;
        delivery.time = deadline;
        delivery.stage = Stage::Leased;
        let received = Received {
            message: slot.message.clone(),
            token: Token::new(place(n, offset), 0, request.fence),
            attempt: u32::from(delivery.attempts),
            history: delivery.history(),
        };
        match before {
            Stage::Leased => {}
            Stage::Waiting => {
                progress.waiting -= 1;
                progress.leased += 1;
            }
            Stage::New | Stage::Finished => progress.leased += 1,
        }
        progress.leased(offset, deadline);
        Ok(Some(received))
    }

    /// Makes a message a dead letter; gives the reason back.
    pub(crate) fn bury(
        &mut self,
        n: usize,
        lane: &Lane,
        offset: u64,
        reason: DeadLetterReason,
        now: Timestamp,
    ) -> DeadLetterReason {
        let progress = &mut self.progress[n];
        if let Some((delivery, slot)) = progress.entry(lane, offset) {
            let dead = Dead {
                lane: n,
                offset,
                slot: slot.clone(),
                reason,
                attempts: u32::from(delivery.attempts),
                history: delivery.history(),
                at: now,
            };
            self.dead.push(dead);
            progress.finish(lane, offset);
        }
        reason
    }

    /// When a message may come back next.
    pub(crate) fn next_time(&self) -> Option<Timestamp> {
        self.progress.iter().filter_map(Progress::next_time).min()
    }

    pub(crate) fn info(&self, topic: &TopicName, name: &GroupName) -> GroupInfo {
        GroupInfo {
            topic: topic.clone(),
            name: name.clone(),
            ordering: self.ordering,
            members: self.members.iter().len() as u64,
            created_at: self.created_at,
        }
    }
}
