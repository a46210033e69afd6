//! The delivery model written down once more, without any thought for speed.

use std::collections::BTreeMap;
use std::time::Duration;

use glmsg_broker::{Intake, Lag, LanePicker, Overflow, TopicConfig};
use glmsg_core::{DeadLetterReason, Message, MessageId, Priority, Timestamp};

#[derive(Debug, Clone)]
pub(crate) struct Kept {
    message: Message,
    pub(crate) ordinal: u64,
    pub(crate) stored_at: Timestamp,
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    New,
    Leased(Timestamp, u64),
    Waiting(Timestamp),
    Finished,
}

#[derive(Debug, Clone)]
struct Standing {
    state: State,
    attempts: u32,
    history: usize,
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Dead {
    kept: Kept,
    reason: DeadLetterReason,
    attempts: u32,
    history: usize,
    at: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Group {
    per_key: bool,
    picker: LanePicker,
    standings: BTreeMap<u64, Standing>,
    /// Redriven after the topic had dropped them.
    own: BTreeMap<u64, Kept>,
    dead: Vec<Dead>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Given {
    pub(crate) id: MessageId,
    pub(crate) attempt: u32,
    pub(crate) history: usize,
    pub(crate) ordinal: u64,
    pub(crate) fence: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Stored,
    Duplicate,
    Full,
}

/// What a settlement does to a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Ack,
    Retry(Duration),
    Reject,
    Release,
    Extend(Duration),
}

#[derive(Debug)]
pub(crate) struct Naive {
    now: Timestamp,
    bounds: TopicConfig,
    pub(crate) next: u64,
    fences: u64,
    pub(crate) kept: Vec<Kept>,
    scheduled: Vec<(Timestamp, Message)>,
    groups: BTreeMap<&'static str, Group>,
}

impl Naive {
    pub(crate) fn new(now: Timestamp, bounds: TopicConfig) -> Self {
        Self {
            now,
            bounds,
            next: 1,
            fences: 0,
            kept: Vec::new(),
            scheduled: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.now = self.now.after(by);
    }

    fn append(&mut self, message: Message, expires_at: Option<Timestamp>) {
        for group in self.groups.values_mut() {
            group.standings.insert(self.next, Standing::new(State::New));
        }
        self.kept.push(Kept {
            message,
            ordinal: self.next,
            stored_at: self.now,
            expires_at,
        });
        self.next += 1;
    }

    /// Promotes what is due and drops what is too old.
    pub(crate) fn tick(&mut self) {
        let now = self.now;
        while let Some(first) = (0..self.scheduled.len())
            .filter(|n| self.scheduled[*n].0 <= now)
            .min_by_key(|n| (self.scheduled[*n].0, *n))
        {
            let (due, message) = self.scheduled.remove(first);
            let expires_at = message.ttl().map(|ttl| due.after(ttl));
            self.append(message, expires_at);
        }
        for lane in Priority::ALL {
            while let Some(front) = self.kept.iter().find(|k| k.message.priority() == lane) {
                let is_old = now.since(front.stored_at) > self.bounds.max_age;
                if !is_old || !self.is_acked(front.ordinal) {
                    break;
                }
                let ordinal = front.ordinal;
                self.drop_message(ordinal);
            }
        }
        for group in self.groups.values_mut() {
            group
                .dead
                .retain(|d| now.since(d.at) <= self.bounds.dead_letter_age);
        }
    }

    fn is_acked(&self, ordinal: u64) -> bool {
        let finished = |g: &Group| g.standings[&ordinal].state == State::Finished;
        !self.groups.is_empty() && self.groups.values().all(finished)
    }

    fn drop_message(&mut self, ordinal: u64) {
        self.kept.retain(|k| k.ordinal != ordinal);
        for group in self.groups.values_mut() {
            group.standings.remove(&ordinal);
        }
    }

    pub(crate) fn len(&self) -> u64 {
        (self.kept.len() + self.scheduled.len()) as u64
    }

    pub(crate) fn publish(&mut self, batch: &[Message]) -> Vec<Outcome> {
        self.tick();
        batch.iter().map(|message| self.store(message)).collect()
    }

    fn store(&mut self, message: &Message) -> Outcome {
        let has = |m: &Message| m.id() == message.id();
        if self.kept.iter().any(|k| has(&k.message)) || self.scheduled.iter().any(|s| has(&s.1)) {
            return Outcome::Duplicate;
        }
        while self.len() >= self.bounds.max_len {
            let fronts = Priority::ALL.into_iter();
            let fronts = fronts
                .filter_map(|lane| self.kept.iter().find(|k| k.message.priority() == lane))
                .map(|k| k.ordinal);
            let drops_any = self.bounds.overflow == Overflow::DropOldest;
            let acked = fronts.clone().filter(|o| self.is_acked(*o)).min();
            match acked.or(fronts.min().filter(|_| drops_any)) {
                Some(ordinal) => self.drop_message(ordinal),
                None => return Outcome::Full,
            }
        }
        match message.schedule().due(self.now) {
            Some(due) => self.scheduled.push((due, message.clone())),
            None => self.append(
                message.clone(),
                message.ttl().map(|ttl| self.now.after(ttl)),
            ),
        }
        Outcome::Stored
    }

    pub(crate) fn create(&mut self, name: &'static str, per_key: bool, start: u64) {
        self.tick();
        let standing = |k: &Kept| {
            let is_new = k.ordinal >= start;
            let state = if is_new { State::New } else { State::Finished };
            (k.ordinal, Standing::new(state))
        };
        let group = Group {
            per_key,
            standings: self.kept.iter().map(standing).collect(),
            ..Group::default()
        };
        self.groups.insert(name, group);
    }

    pub(crate) fn delete(&mut self, name: &str) -> bool {
        self.groups.remove(name).is_some()
    }

    fn find(&self, name: &str, ordinal: u64) -> &Kept {
        let kept = self.kept.iter().find(|k| k.ordinal == ordinal);
        kept.unwrap_or_else(|| &self.groups[name].own[&ordinal])
    }

    fn is_held_back(&self, name: &str, ordinal: u64) -> bool {
        let group = &self.groups[name];
        let message = &self.find(name, ordinal).message;
        group.per_key
            && message.key().is_some()
            && group.standings.range(..ordinal).any(|(before, standing)| {
                let other = &self.find(name, *before).message;
                standing.state != State::Finished
                    && other.key() == message.key()
                    && other.priority() == message.priority()
            })
    }

    fn candidate(&self, name: &str, lane: Priority) -> Option<u64> {
        let ready = |(ordinal, standing): (&u64, &Standing)| {
            let (rank, time) = match standing.state {
                State::Leased(time, _) | State::Waiting(time) if time <= self.now => (0, time),
                State::New => (1, Timestamp::EPOCH),
                _ => return None,
            };
            Some((rank, time, *ordinal))
        };
        self.groups[name]
            .standings
            .iter()
            .filter_map(ready)
            .filter(|(.., ordinal)| self.find(name, *ordinal).message.priority() == lane)
            .filter(|(.., ordinal)| !self.is_held_back(name, *ordinal))
            .min()
            .map(|(.., ordinal)| ordinal)
    }

    pub(crate) fn recv(&mut self, name: &str, max: usize, lease: Duration) -> (Vec<Given>, Intake) {
        self.tick();
        self.fences += 1;
        let (mut given, mut intake) = (Vec::new(), Intake::default());
        while given.len() < max {
            let candidates = Priority::ALL.map(|lane| self.candidate(name, lane));
            let picker = &mut self.groups.get_mut(name).unwrap().picker;
            let Some(lane) = picker.pick(|p| candidates[usize::from(p.as_u8())].is_some()) else {
                break;
            };
            let ordinal = candidates[usize::from(lane.as_u8())].unwrap();
            let kept = self.find(name, ordinal).clone();
            let (now, fence) = (self.now, self.fences);
            let group = self.groups.get_mut(name).unwrap();
            let standing = group.standings.get_mut(&ordinal).unwrap();
            if standing
                .expires_at
                .or(kept.expires_at)
                .is_some_and(|at| at <= now)
            {
                intake.expired += 1;
                group.bury(ordinal, kept, DeadLetterReason::Expired, now);
                continue;
            }
            if matches!(standing.state, State::Leased(..)) {
                standing.history = (standing.history + 1).min(10);
                if standing.attempts >= kept.message.max_attempts() {
                    intake.dead_lettered += 1;
                    group.bury(ordinal, kept, DeadLetterReason::MaxRetries, now);
                    continue;
                }
            }
            standing.attempts += 1;
            standing.state = State::Leased(now.after(lease), fence);
            given.push(Given {
                id: kept.message.id(),
                attempt: standing.attempts,
                history: standing.history,
                ordinal,
                fence,
            });
        }
        (given, intake)
    }

    /// `false` if the delivery is stale.
    pub(crate) fn settle(&mut self, name: &str, given: &Given, act: Act) -> bool {
        self.tick();
        let now = self.now;
        let standings = self.groups.get(name).map(|g| &g.standings);
        let state = standings
            .and_then(|s| s.get(&given.ordinal))
            .map(|s| s.state);
        if !matches!(state, Some(State::Leased(_, fence)) if fence == given.fence) {
            return false;
        }
        let kept = self.find(name, given.ordinal).clone();
        let group = self.groups.get_mut(name).unwrap();
        let standing = group.standings.get_mut(&given.ordinal).unwrap();
        match act {
            Act::Ack => group.finish(given.ordinal),
            Act::Release => {
                standing.attempts -= 1;
                standing.state = State::Waiting(now);
            }
            Act::Extend(lease) => standing.state = State::Leased(now.after(lease), given.fence),
            Act::Retry(delay) => {
                standing.history = (standing.history + 1).min(10);
                if standing.attempts >= kept.message.max_attempts() {
                    group.bury(given.ordinal, kept, DeadLetterReason::MaxRetries, now);
                } else {
                    standing.state = State::Waiting(now.after(delay));
                }
            }
            Act::Reject => {
                standing.history = (standing.history + 1).min(10);
                group.bury(given.ordinal, kept, DeadLetterReason::Rejected, now);
            }
        }
        true
    }

    pub(crate) fn redrive(&mut self, name: &str, reason: Option<DeadLetterReason>) -> u64 {
        self.tick();
        let now = self.now;
        let ordinals: Vec<u64> = self.kept.iter().map(|k| k.ordinal).collect();
        let group = self.groups.get_mut(name).unwrap();
        let (redriven, rest) = std::mem::take(&mut group.dead)
            .into_iter()
            .partition::<Vec<_>, _>(|d| reason.is_none_or(|r| r == d.reason));
        group.dead = rest;
        let count = redriven.len() as u64;
        for Dead { kept, .. } in redriven {
            let mut standing = Standing::new(State::Waiting(now));
            standing.expires_at = kept.message.ttl().map(|ttl| now.after(ttl));
            group.standings.insert(kept.ordinal, standing);
            if !ordinals.contains(&kept.ordinal) {
                group.own.insert(kept.ordinal, kept);
            }
        }
        count
    }

    pub(crate) fn purge(&mut self, name: &str, reason: DeadLetterReason) -> u64 {
        self.tick();
        let dead = &mut self.groups.get_mut(name).unwrap().dead;
        let before = dead.len();
        dead.retain(|d| d.reason != reason);
        (before - dead.len()) as u64
    }

    pub(crate) fn dead(&self, name: &str) -> Vec<(MessageId, DeadLetterReason, u32, usize)> {
        let dead = self.groups[name].dead.iter();
        dead.map(|d| (d.kept.message.id(), d.reason, d.attempts, d.history))
            .collect()
    }

    pub(crate) fn lag(&mut self, name: &str) -> Lag {
        self.tick();
        let group = &self.groups[name];
        let mut lag = Lag {
            dead_letters: group.dead.len() as u64,
            ..Lag::default()
        };
        for (ordinal, standing) in &group.standings {
            match standing.state {
                State::New if self.is_held_back(name, *ordinal) => lag.delayed += 1,
                State::New => lag.undelivered += 1,
                State::Leased(..) => lag.in_flight += 1,
                State::Waiting(_) => lag.delayed += 1,
                State::Finished => continue,
            }
            let age = self.now.since(self.find(name, *ordinal).stored_at);
            lag.oldest_age = lag.oldest_age.max(Some(age));
        }
        lag
    }

    pub(crate) fn ids(&mut self) -> Vec<(MessageId, Timestamp)> {
        self.tick();
        self.kept
            .iter()
            .map(|k| (k.message.id(), k.stored_at))
            .collect()
    }
}

impl Standing {
    fn new(state: State) -> Self {
        Self {
            state,
            attempts: 0,
            history: 0,
            expires_at: None,
        }
    }
}

impl Group {
    fn finish(&mut self, ordinal: u64) {
        if self.own.remove(&ordinal).is_some() {
            self.standings.remove(&ordinal);
        } else {
            self.standings
                .insert(ordinal, Standing::new(State::Finished));
        }
    }

    fn bury(&mut self, ordinal: u64, kept: Kept, reason: DeadLetterReason, at: Timestamp) {
        let standing = &self.standings[&ordinal];
        self.dead.push(Dead {
            kept,
            reason,
            attempts: standing.attempts,
            history: standing.history,
            at,
        });
        self.finish(ordinal);
    }
}
