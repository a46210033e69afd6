//! Joining a group and receiving.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Intake, Received, Source, SubscribeOptions};
use glmsg_core::{Error, ErrorKind, Result, Timestamp};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::error::no_group;
use crate::group::Request;
use crate::member::Member;
use crate::topic::{Topic, TopicState};
use crate::{MemoryBroker, MemorySettler};

/// A subscription of a [`MemoryBroker`]. Dropping it leaves the group.
pub struct MemorySource {
    settler: MemorySettler,
    lease: Duration,
    notify: Arc<Notify>,
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
                notify: group.notify.clone(),
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
        let receiving = Receiving::new(&self.settler.member, &self.notify);
        loop {
            // Made before looking, so that no wake-up falls between looking and waiting.
            let woken = receiving.notify.notified();
            let before = buf.len();
            let (intake, until) = self.take(buf, max)?;
            if buf.len() > before || intake != Intake::default() {
                return Ok(intake);
            }
            match until {
                // Woken or not, the next look finds out.
                Some(time) => drop(timeout(time, woken).await),
                None => woken.await,
            }
        }
    }
}

impl MemorySource {
    /// Takes what there is; gives how long to wait for the next thing that time alone brings.
    fn take(&self, buf: &mut Vec<Received>, max: usize) -> Result<(Intake, Option<Duration>)> {
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
        let intake = group.receive(&state.lanes, &request, buf);
        // A clock that is moved by hand says so when it is.
        let next = [group.next_time(), state.scheduled.next()];
        let next = next.into_iter().flatten().min();
        let until = next.filter(|_| !shared.config.clock.is_manual());
        Ok((intake, until.map(|time: Timestamp| time.since(now))))
    }
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

/// A running receive. However it ends, another waiting member is woken: there may be more, and
/// this one no longer watches the time.
struct Receiving<'a> {
    member: &'a Member,
    notify: &'a Notify,
}

impl<'a> Receiving<'a> {
    fn new(member: &'a Member, notify: &'a Notify) -> Self {
        member.starts_receiving();
        Self { member, notify }
    }
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        self.member.ends_receiving();
        self.notify.notify_one();
    }
}
