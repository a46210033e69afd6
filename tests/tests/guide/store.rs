//! What is stored, and the rules of the delivery model over it.

use std::collections::BTreeMap;
use std::time::Duration;

use glmsg_broker::{
    DeadLetterSelector, GroupConfig, Intake, Lag, Nack, Published, Received, Requeue, Settled,
    StartFrom, Token,
};
use glmsg_core::{
    Attempt, AttemptOutcome, DeadLetter, DeadLetterReason, Error, ErrorKind, GroupName, History,
    Message, Original, Result, Schedule, Timestamp, TopicName, clean_error_text,
};

pub(crate) const MAX_PAYLOAD: usize = 1024 * 1024;

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) topics: BTreeMap<TopicName, Topic>,
    pub(crate) closed: bool,
    /// For fences and group numbers: no value is given out twice.
    pub(crate) counter: u64,
}

#[derive(Default)]
pub(crate) struct Topic {
    pub(crate) messages: Vec<(Timestamp, Message)>,
    pub(crate) groups: BTreeMap<GroupName, Group>,
}

pub(crate) struct Group {
    /// Told apart from an earlier group of the same name.
    pub(crate) number: u64,
    pub(crate) created_at: Timestamp,
    /// One for each message of the topic.
    entries: Vec<Entry>,
    /// With the place of each in `entries`.
    pub(crate) dead: Vec<(usize, DeadLetter)>,
}

#[derive(Clone)]
struct Entry {
    state: State,
    fence: u64,
    attempts: u32,
    history: History,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    /// Until this time.
    Leased(Timestamp),
    /// Until this time.
    Waiting(Timestamp),
    Done,
    Dead,
}

impl Entry {
    fn new(state: State) -> Self {
        Self {
            state,
            fence: 0,
            attempts: 0,
            history: History::new(),
        }
    }

    /// When it comes back, if it is out.
    fn due(&self) -> Option<Timestamp> {
        match self.state {
            State::Leased(at) | State::Waiting(at) => Some(at),
            _ => None,
        }
    }
}

impl Store {
    pub(crate) fn check_open(&self) -> Result<()> {
        match self.closed {
            true => Err(Error::new(ErrorKind::Closed, "the broker is closed")),
            false => Ok(()),
        }
    }

    pub(crate) fn topic(&mut self, name: &TopicName) -> Result<&mut Topic> {
        let missing = || Error::new(ErrorKind::NotFound, "no such topic").with("topic", name);
        self.topics.get_mut(name).ok_or_else(missing)
    }

    pub(crate) fn group(&mut self, topic: &TopicName, name: &GroupName) -> Result<&mut Group> {
        let missing = || Error::new(ErrorKind::NotFound, "no such group").with("group", name);
        self.topic(topic)?.groups.get_mut(name).ok_or_else(missing)
    }

    pub(crate) fn publish(&mut self, message: &Message, now: Timestamp) -> Published {
        let refuse = |kind, what: &str| Published::Rejected(Error::new(kind, what));
        if message.payload().len() > MAX_PAYLOAD {
            return refuse(ErrorKind::TooLarge, "the payload is over 1 MiB");
        }
        // What is not declared is refused, never ignored.
        if message.priority() != Default::default() {
            return refuse(ErrorKind::Unsupported, "this backend has no priorities");
        }
        if message.ttl().is_some() || message.schedule() != Schedule::Now {
            return refuse(
                ErrorKind::Unsupported,
                "this backend has no time to live or schedule",
            );
        }
        let topic = self.topics.entry(message.topic().clone()).or_default();
        topic.messages.push((now, message.clone()));
        for group in topic.groups.values_mut() {
            group.entries.push(Entry::new(State::New));
        }
        Published::Stored
    }

    pub(crate) fn create_group(
        &mut self,
        topic: &TopicName,
        name: &GroupName,
        config: &GroupConfig,
        now: Timestamp,
    ) -> Result<()> {
        self.counter += 1;
        let number = self.counter;
        let empty = Topic::default();
        let messages = &self.topics.get(topic).unwrap_or(&empty).messages;
        let first = match &config.start {
            StartFrom::Earliest => 0,
            StartFrom::Latest => messages.len(),
            StartFrom::Time(t) => messages.partition_point(|(at, _)| at < t),
            StartFrom::Message(id) => {
                let found = messages.iter().position(|(_, m)| m.id() == *id);
                found.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such message"))?
            }
            StartFrom::After(_) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "this backend has no replay",
                ));
            }
        };
        let state = |place| {
            if place < first {
                State::Done
            } else {
                State::New
            }
        };
        let group = Group {
            number,
            created_at: now,
            entries: (0..messages.len()).map(|n| Entry::new(state(n))).collect(),
            dead: Vec::new(),
        };
        let topic = self.topics.entry(topic.clone()).or_default();
        topic.groups.insert(name.clone(), group);
        Ok(())
    }

    /// Receives: what is deliverable, and when to look again if nothing is.
    pub(crate) fn receive(
        &mut self,
        (topic, name): (&TopicName, &GroupName),
        (lease, now): (Duration, Timestamp),
        buf: &mut Vec<Received>,
        max: usize,
    ) -> Result<(Intake, Option<Timestamp>)> {
        let mut fence = self.counter;
        self.counter += max as u64;
        let Topic { messages, groups } = self.topic(topic)?;
        let Some(group) = groups.get_mut(name) else {
            return Err(Error::new(ErrorKind::NotFound, "no such group"));
        };
        let mut intake = Intake::default();
        for _ in 0..max {
            let Some(place) = group.candidate((topic, name), messages, &mut intake, now) else {
                break;
            };
            fence += 1;
            let entry = &mut group.entries[place];
            entry.attempts += 1;
            entry.fence = fence;
            entry.state = State::Leased(now.after(lease));
            buf.push(Received {
                message: messages[place].1.clone(),
                token: Token::new(place as u64, group.number, fence),
                attempt: entry.attempts,
                history: entry.history.clone(),
            });
        }
        Ok((intake, group.entries.iter().filter_map(Entry::due).min()))
    }
}

impl Group {
    /// The next message to deliver. Returned ones come first, in the order in which they became
    /// due; those that have run out of leases and attempts die here, before any delivery.
    fn candidate(
        &mut self,
        of: (&TopicName, &GroupName),
        messages: &[(Timestamp, Message)],
        intake: &mut Intake,
        now: Timestamp,
    ) -> Option<usize> {
        loop {
            let entries = self.entries.iter().enumerate();
            let due = entries.filter_map(|(place, entry)| Some((entry.due()?, place)));
            let returned = due.filter(|(due, _)| *due <= now).min();
            let Some((_, place)) = returned else {
                return self
                    .entries
                    .iter()
                    .position(|entry| entry.state == State::New);
            };
            let entry = &mut self.entries[place];
            if matches!(entry.state, State::Leased(_)) {
                let lost = AttemptOutcome::LeaseExpired;
                entry
                    .history
                    .push(Attempt::new(entry.attempts, now, lost, ""));
                if entry.attempts >= messages[place].1.max_attempts() {
                    self.bury(
                        of,
                        &messages[place].1,
                        place,
                        DeadLetterReason::MaxRetries,
                        "",
                        now,
                    );
                    intake.dead_lettered += 1;
                    continue;
                }
            }
            return Some(place);
        }
    }

    fn bury(
        &mut self,
        (topic, group): (&TopicName, &GroupName),
        message: &Message,
        place: usize,
        reason: DeadLetterReason,
        detail: &str,
        now: Timestamp,
    ) {
        let entry = &mut self.entries[place];
        entry.state = State::Dead;
        let dead = DeadLetter {
            id: message.id(),
            topic: topic.clone(),
            group: group.clone(),
            original: Original::Message(message.clone()),
            reason,
            detail: clean_error_text(detail),
            attempts: entry.attempts,
            history: entry.history.clone(),
            dead_at: now,
        };
        self.dead.push((place, dead));
    }

    /// The place of a delivery that is still its holder's.
    fn held(&self, token: Token) -> Option<usize> {
        let place = usize::try_from(token.place()).ok()?;
        let entry = self.entries.get(place)?;
        // The fence decides, not the deadline: late is not lost until somebody else has it.
        let is_held = matches!(entry.state, State::Leased(_)) && entry.fence == token.fence();
        (is_held && token.sub() == self.number).then_some(place)
    }

    pub(crate) fn ack(&mut self, token: Token) -> Settled {
        let Some(place) = self.held(token) else {
            return Settled::Stale;
        };
        self.entries[place].state = State::Done;
        Settled::Acked
    }

    pub(crate) fn release(&mut self, token: Token, now: Timestamp) -> Settled {
        let Some(place) = self.held(token) else {
            return Settled::Stale;
        };
        self.entries[place].state = State::Waiting(now);
        self.entries[place].attempts -= 1;
        Settled::Released
    }

    pub(crate) fn extend(&mut self, token: Token, until: Timestamp) -> Settled {
        let Some(place) = self.held(token) else {
            return Settled::Stale;
        };
        self.entries[place].state = State::Leased(until);
        Settled::Extended(until)
    }

    pub(crate) fn nack(
        &mut self,
        of: (&TopicName, &GroupName),
        messages: &[(Timestamp, Message)],
        nack: &Nack,
        now: Timestamp,
    ) -> Settled {
        let Some(place) = self.held(nack.token) else {
            return Settled::Stale;
        };
        let (entry, message) = (&mut self.entries[place], &messages[place].1);
        entry
            .history
            .push(Attempt::new(entry.attempts, now, nack.outcome, &nack.error));
        let reason = match nack.requeue {
            Requeue::After(delay) if entry.attempts < message.max_attempts() => {
                let due = now.after(delay);
                entry.state = State::Waiting(due);
                return Settled::Retried(due);
            }
            Requeue::After(_) => DeadLetterReason::MaxRetries,
            Requeue::Never => nack.reason,
        };
        self.bury(of, message, place, reason, &nack.error, now);
        Settled::DeadLettered(reason)
    }

    /// Takes the selected dead letters out; with `alive`, back into the flow.
    pub(crate) fn exhume(&mut self, which: &DeadLetterSelector, alive: Option<Timestamp>) -> u64 {
        let all = std::mem::take(&mut self.dead);
        let (chosen, rest): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|(_, dead)| is_selected(which, dead));
        self.dead = rest;
        for (place, _) in &chosen {
            if let Some(now) = alive {
                self.entries[*place] = Entry::new(State::Waiting(now));
            }
        }
        chosen.len() as u64
    }

    pub(crate) fn lag(&self, messages: &[(Timestamp, Message)], now: Timestamp) -> Lag {
        let mut lag = Lag {
            dead_letters: self.dead.len() as u64,
            ..Lag::default()
        };
        for (entry, (stored_at, _)) in self.entries.iter().zip(messages) {
            match entry.state {
                State::New => lag.undelivered += 1,
                State::Leased(_) => lag.in_flight += 1,
                State::Waiting(_) => lag.delayed += 1,
                State::Done | State::Dead => continue,
            }
            lag.oldest_age.get_or_insert(now.since(*stored_at));
        }
        lag
    }
}

pub(crate) fn is_selected(which: &DeadLetterSelector, dead: &DeadLetter) -> bool {
    match which {
        DeadLetterSelector::All => true,
        DeadLetterSelector::Ids(ids) => ids.contains(&dead.id),
        DeadLetterSelector::Reason(reason) => dead.reason == *reason,
    }
}
