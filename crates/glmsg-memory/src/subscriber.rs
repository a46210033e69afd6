//! Joining a group and receiving.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Intake, Received, Source, SubscribeOptions};
use glmsg_core::{Error, ErrorKind, Result};
use tokio::time::timeout;

use crate::error::no_group;
use crate::group::Request;
use crate::member::Member;
use crate::topic::{Topic, TopicState};
use crate::waiting::Waiting;
use crate::{MemoryBroker, MemorySettler};

/// A subscription of a [`MemoryBroker`]. Dropping it leaves the group.
pub struct MemorySource {
    settler: MemorySettler,
    lease: Duration,
    waiting: Arc<Waiting>,
}

impl fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySource")
            .field("topic", &self.settler.topic.name)
            .field("group", &self.settler.group)
            .field("member", &self.settler.member.name)
            .finish_non_exhaustive()
    }
}

impl MemoryBroker {
    pub(crate) fn join(&self, options: &SubscribeOptions) -> Result<MemorySource> {
        options.check()?;
        let config = &options.config;
        let join = |topic: &Arc<Topic>, state: &mut TopicState, now| {
            if !state.groups.contains_key(&options.group) {
                let group = state.new_group(self.shared.next_number(), config, now)?;
                state.groups.insert(options.group.clone(), group);
            }
            let (group, _) = topic.group(state, &options.group)?;
            if group.ordering != config.ordering {
                return Err(other_ordering(options));
            }
            Ok(MemorySource {
                lease: options.lease,
                waiting: group.waiting.clone(),
                settler: MemorySettler {
                    shared: self.shared.clone(),
                    topic: topic.clone(),
                    group: options.group.clone(),
                    group_id: group.id,
                    member: group.members.join(&options.member, now),
                },
            })
        };
        let joined = self
            .shared
            .with_new_topic(&options.topic, &config.start, join);
        joined.map_err(|e| e.operation("subscribe"))
    }
}

fn other_ordering(options: &SubscribeOptions) -> Error {
    Error::new(ErrorKind::Conflict, "the group has another ordering")
        .with("topic", &options.topic)
        .with("group", &options.group)
        .remedy("subscribe with the group's ordering, or delete the group first")
}

impl Source for MemorySource {
    type Settler = MemorySettler;

    fn settler(&self) -> MemorySettler {
        self.settler.clone()
    }

    async fn recv(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        if max == 0 {
            return Ok(Intake::default());
        }
        let receiving = Receiving::new(&self.settler, &self.waiting);
        loop {
            // Made before looking, so that no wake-up falls between looking and waiting.
            let woken = receiving.waiting.woken();
            let until = match self.take(receiving.number, buf, max)? {
                Taken::Some(intake) => return Ok(intake),
                Taken::NoneUntil(time) => time,
            };
            match until {
                // Woken or not, the next look finds out.
                Some(time) => drop(timeout(time, woken).await),
                None => woken.await,
            }
        }
    }
}

impl MemorySource {
    /// Takes what there is.
    fn take(&self, receive: u64, buf: &mut Vec<Received>, max: usize) -> Result<Taken> {
        let MemorySettler {
            shared,
            topic,
            group: name,
            group_id,
            member,
        } = &self.settler;
        let found = topic.at(shared.now());
        let (mut state, now) = found.map_err(|e| topic.error(e).operation("receive"))?;
        let state = &mut *state;
        let group = state.groups.get_mut(name);
        let Some(group) = group.filter(|group| group.id == *group_id) else {
            return Err(no_group(&topic.name, name).operation("receive"));
        };
        member.seen(now);
        let request = Request {
            now,
            lease: self.lease,
            max,
            member: member.id,
            fence: shared.next_number(),
        };
        let before = buf.len();
        let (intake, has_more) = group.receive(&state.lanes, &request, buf);
        // A clock that is moved by hand says so when it is.
        let next = [group.next_time(), state.scheduled.next()];
        let next = next.into_iter().flatten().min();
        let next = next.filter(|_| !shared.config.clock.is_manual());
        if buf.len() > before || intake != Intake::default() {
            group.waiting.leaves(receive, has_more, next);
            return Ok(Taken::Some(intake));
        }
        group.waiting.sleeps(receive, next);
        Ok(Taken::NoneUntil(next.map(|time| time.since(now))))
    }
}

/// What a look gave.
enum Taken {
    Some(Intake),
    /// Nothing, and how long until the next thing that time alone brings.
    NoneUntil(Option<Duration>),
}

impl Drop for MemorySource {
    fn drop(&mut self) {
        let settler = &self.settler;
        let mut state = settler.topic.lock();
        let group = state.groups.get_mut(&settler.group);
        if let Some(group) = group.filter(|group| group.id == settler.group_id) {
            group.members.leave(settler.member.id);
        }
    }
}

/// A running receive. However it ends, it no longer watches the time.
struct Receiving<'a> {
    number: u64,
    member: &'a Member,
    waiting: &'a Waiting,
}

impl<'a> Receiving<'a> {
    fn new(settler: &'a MemorySettler, waiting: &'a Waiting) -> Self {
        settler.member.starts_receiving();
        Self {
            number: settler.shared.next_number(),
            member: &settler.member,
            waiting,
        }
    }
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        self.member.ends_receiving();
        self.waiting.ends(self.number);
    }
}
