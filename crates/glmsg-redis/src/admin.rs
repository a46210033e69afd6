//! Topics, groups, members and lag, as an operator sees them.

use std::time::Duration;

use glmsg_broker::{GroupInfo, Lag, MemberInfo, Ordering, Overflow, TopicConfig, TopicInfo};
use glmsg_core::{GroupName, MemberName, Result, Timestamp, TopicName};
use redis::Value;

use crate::broker::{Shared, no_group, no_topic};
use crate::encode::{count, list, next, number, text};
use crate::frame;
use crate::keys::{GroupRow, registry};

/// A topic and its groups.
pub(crate) struct Info {
    pub(crate) topic: TopicInfo,
    pub(crate) groups: Vec<GroupInfo>,
}

impl Shared {
    /// A topic as it is now: what is due has its place, what is too old is gone.
    pub(crate) async fn info(&self, topic: &TopicName) -> Result<Info> {
        let keys = self.keys(topic);
        let call = self.scripts.topic.of_topic(&keys);
        let answer = self.run(keys.slot, call).await?;
        let mut words = self.answer(answer, topic, None)?;
        let (messages, scheduled) = (count(next(&mut words)?)?, count(next(&mut words)?)?);
        let dead_letters = count(next(&mut words)?)?;
        let config = config(next(&mut words)?)?;
        let rows = list(next(&mut words)?)?.into_iter();
        let groups = rows.map(|row| group_info(row, topic));
        let mut groups = groups.collect::<Result<Vec<Option<GroupInfo>>>>()?;
        let mut groups: Vec<GroupInfo> = groups.drain(..).flatten().collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        let topic = TopicInfo {
            name: topic.clone(),
            messages,
            scheduled,
            groups: groups.len() as u64,
            dead_letters,
            config,
        };
        Ok(Info { topic, groups })
    }

    /// The names that are noted: of a topic that is about to be made, or was deleted, too.
    pub(crate) async fn topic_names(&self) -> Result<Vec<TopicName>> {
        let (slot, key) = registry(&self.link.config().namespace);
        let mut find = redis::cmd("SMEMBERS");
        find.arg(key);
        let names = list(self.run(slot, find).await?)?.into_iter();
        let mut names = names.map(text).collect::<Result<Vec<String>>>()?;
        names.sort();
        let names = names.into_iter().map(TopicName::new);
        Ok(names.filter_map(Result::ok).collect())
    }

    pub(crate) async fn all_topics(&self) -> Result<Vec<TopicInfo>> {
        let mut found = Vec::new();
        for name in self.topic_names().await? {
            match self.info(&name).await {
                Ok(info) => found.push(info.topic),
                // Noted before it was made, or deleted since.
                Err(e) if e.kind() == glmsg_core::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(found)
    }

    pub(crate) async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        let keys = self.keys(topic);
        let call = self.scripts.delete.of_topic(&keys);
        // Where it was not there its name may stand for one that is just being made, and stays.
        if let (Value::Int(0), false) = self.run_told(keys.slot, call).await? {
            return Err(no_topic(topic));
        }
        self.recent.forget(&self.known(topic));
        let (slot, key) = registry(&self.link.config().namespace);
        let mut forget = redis::cmd("SREM");
        forget.arg(key).arg(topic.as_str());
        self.run(slot, forget).await.map(drop)
    }

    pub(crate) async fn delete_group(&self, topic: &TopicName, group: &GroupName) -> Result<()> {
        let keys = self.keys(topic);
        let mut call = self.scripts.delete.of_topic(&keys);
        call.arg(group.as_str());
        match self.run_told(keys.slot, call).await? {
            (Value::Int(0), false) => Err(no_group(topic, group)),
            _ => Ok(()),
        }
    }

    pub(crate) async fn find_members(
        &self,
        topic: &TopicName,
        group: &GroupName,
    ) -> Result<Vec<MemberInfo>> {
        let keys = self.find_group(topic, group).await?;
        let call = self.scripts.members.of_group(&keys);
        let answer = self.run(keys.slot, call).await?;
        let mut words = self.answer(answer, topic, Some(group))?;
        let mut found = Vec::new();
        for member in list(next(&mut words)?)? {
            let mut parts = list(member)?.into_iter();
            let consumer = text(next(&mut parts)?)?;
            let seen_at = Timestamp::from_micros(number(next(&mut parts)?)?);
            let pending = count(next(&mut parts)?)?;
            let name = consumer.split('~').next().unwrap_or_default();
            if let Ok(name) = MemberName::new(name) {
                found.push(MemberInfo {
                    name,
                    seen_at,
                    pending,
                });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    pub(crate) async fn find_lag(&self, topic: &TopicName, group: &GroupName) -> Result<Lag> {
        let keys = self.find_group(topic, group).await?;
        loop {
            let call = self.scripts.lag.of_group(&keys);
            let answer = self.run(keys.slot, call).await?;
            let mut words = list(answer)?.into_iter();
            match text(next(&mut words)?)?.as_str() {
                "OK" => {}
                // The step reads ahead piece by piece, so that it does not hold up the server.
                "AGAIN" => continue,
                "LOST" => {
                    self.recover(topic, group, &keys).await?;
                    continue;
                }
                _ => return Err(no_group(topic, group)),
            }
            return Ok(Lag {
                undelivered: count(next(&mut words)?)?,
                in_flight: count(next(&mut words)?)?,
                delayed: count(next(&mut words)?)?,
                dead_letters: count(next(&mut words)?)?,
                oldest_age: u64::try_from(number(next(&mut words)?)?)
                    .ok()
                    .map(Duration::from_millis),
            });
        }
    }
}

fn config(value: Value) -> Result<TopicConfig> {
    let mut words = list(value)?.into_iter();
    let max_len = count(next(&mut words)?)?;
    let max_age = count(next(&mut words)?)?;
    let overflow = match text(next(&mut words)?)?.as_str() {
        "drop-oldest" => Overflow::DropOldest,
        _ => Overflow::Reject,
    };
    let dead_letter_age = Duration::from_millis(count(next(&mut words)?)?);
    let mut config = TopicConfig::default();
    config.max_len = max_len;
    config.max_age = Duration::from_millis(max_age);
    config.overflow = overflow;
    config.dead_letter_age = dead_letter_age;
    config.frames = match next(&mut words)? {
        // A topic of an earlier version.
        Value::Nil => None,
        frames => frame::parse(&text(frames)?),
    };
    Ok(config)
}

fn group_info(row: Value, topic: &TopicName) -> Result<Option<GroupInfo>> {
    let mut parts = list(row)?.into_iter();
    let name = text(next(&mut parts)?)?;
    let row = text(next(&mut parts)?)?;
    let members = count(next(&mut parts)?)?;
    let (Ok(name), Some(row)) = (GroupName::new(name), GroupRow::parse(&row)) else {
        return Ok(None);
    };
    Ok(Some(GroupInfo {
        topic: topic.clone(),
        name,
        ordering: match row.is_by_key {
            true => Ordering::PerKey,
            false => Ordering::None,
        },
        members,
        created_at: Timestamp::from_micros(row.created_at),
    }))
}
