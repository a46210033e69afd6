//! Managing topics and groups, and how far a group is behind.

use glmsg_broker::{Frames, GroupConfig, GroupInfo, Lag, MemberInfo, TopicConfig, TopicInfo};
use glmsg_core::{Error, ErrorKind, GroupName, Result, Timestamp, TopicName};

use crate::MemoryBroker;
use crate::error::no_group;
use crate::group::{Group, LANES};
use crate::lane::Lane;

impl MemoryBroker {
    pub(crate) fn set_topic(&self, name: &TopicName, config: &TopicConfig) -> Result<()> {
        config.check()?;
        if config.frames.is_some() {
            return Err(Frames::unsupported("memory"));
        }
        let earliest = &GroupConfig::default().start;
        self.shared.with_new_topic(name, earliest, |_, state, _| {
            state.config = config.clone();
            Ok(())
        })
    }

    pub(crate) fn list_topics(&self) -> Result<Vec<TopicInfo>> {
        let now = self.shared.now();
        let mut infos = Vec::new();
        for topic in self.shared.topics()? {
            // One that was deleted since is left out.
            if let Ok((mut state, now)) = topic.at(now) {
                let age = state.config.dead_letter_age;
                for group in state.groups.values_mut() {
                    group.dead.drop_older(age, now);
                }
                infos.push(topic.info(&state));
            }
        }
        Ok(infos)
    }

    pub(crate) fn new_group(
        &self,
        name: &TopicName,
        group: &GroupName,
        config: &GroupConfig,
    ) -> Result<()> {
        self.shared
            .with_new_topic(name, &config.start, |_, state, now| {
                if state.groups.contains_key(group) {
                    return Err(
                        Error::new(ErrorKind::AlreadyExists, "the group exists already")
                            .with("topic", name)
                            .with("group", group),
                    );
                }
                let new = state.new_group(self.shared.next_number(), config, now)?;
                state.groups.insert(group.clone(), new);
                Ok(())
            })
    }

    pub(crate) fn remove_group(&self, name: &TopicName, group: &GroupName) -> Result<()> {
        let removed = self.shared.with_topic(name, |_, state, _| {
            let removed = state.groups.remove(group);
            removed.ok_or_else(|| no_group(name, group))
        })?;
        removed.waiting.wake_all();
        Ok(())
    }

    pub(crate) fn list_groups(&self, name: &TopicName) -> Result<Vec<GroupInfo>> {
        self.shared.with_topic(name, |topic, state, _| {
            let groups = state.groups.iter();
            Ok(groups.map(|(name, g)| g.info(&topic.name, name)).collect())
        })
    }

    pub(crate) fn list_members(
        &self,
        topic: &TopicName,
        group: &GroupName,
    ) -> Result<Vec<MemberInfo>> {
        let mut members = self
            .shared
            .with_group(topic, group, |group, _, now| group.members(now))?;
        members.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(members)
    }

    pub(crate) fn group_lag(&self, topic: &TopicName, group: &GroupName) -> Result<Lag> {
        self.shared
            .with_group(topic, group, |group, lanes, now| group.lag(lanes, now))
    }
}

impl Group {
    fn members(&self, now: Timestamp) -> Vec<MemberInfo> {
        let info = |member: &crate::member::Member| MemberInfo {
            name: member.name.clone(),
            seen_at: member.seen_at(now),
            pending: self.progress.iter().map(|p| p.held_by(member.id)).sum(),
        };
        self.members.iter().map(info).collect()
    }

    fn lag(&mut self, lanes: &[Lane; LANES], now: Timestamp) -> Lag {
        let mut lag = Lag {
            dead_letters: self.dead.len(),
            ..Lag::default()
        };
        for (progress, lane) in self.progress.iter_mut().zip(lanes) {
            let (new, held_back) = progress.count_new(lane);
            lag.undelivered += new - held_back;
            lag.in_flight += progress.leased;
            lag.delayed += progress.waiting + held_back;
            let age = progress.oldest(lane).map(|stored_at| now.since(stored_at));
            lag.oldest_age = lag.oldest_age.max(age);
        }
        lag
    }
}
