//! Making topics and groups, and making them anew when the server has lost them.

use glmsg_broker::{GroupConfig, Ordering, Overflow, StartFrom, TopicConfig};
use glmsg_core::{Error, ErrorKind, GroupName, MessageId, Result, TopicName};
use redis::{Cmd, Value};

use crate::broker::Shared;
use crate::encode::{list, millis, next, number, text};
use crate::event::RedisEvent;
use crate::frame::text_of;
use crate::keys::{GroupKeys, GroupRow};
use crate::place::EntryId;
use crate::replay;

/// What making a group came to.
pub(crate) struct Ensured {
    pub(crate) row: GroupRow,
    /// It was not there.
    pub(crate) is_new: bool,
}

impl Shared {
    fn ensure(&self, topic: &TopicName, config: &TopicConfig, changes: bool) -> Cmd {
        let keys = self.keys(topic);
        let mut call = self.scripts.ensure.of_topic(&keys);
        call.arg(if changes { "1" } else { "0" })
            .arg(config.max_len)
            .arg(millis(config.max_age))
            .arg(match config.overflow {
                Overflow::Reject => "reject",
                Overflow::DropOldest => "drop-oldest",
            })
            .arg(millis(config.dead_letter_age))
            .arg(config.frames.as_ref().map_or(String::new(), text_of));
        call
    }

    /// Makes a topic, or changes its bounds.
    pub(crate) async fn create_topic(&self, topic: &TopicName, config: &TopicConfig) -> Result<()> {
        self.register(topic).await?;
        let call = self.ensure(topic, config, true);
        let done = self.run(self.keys(topic).slot, call).await.map(drop);
        self.known(topic).room.forget();
        done
    }

    /// Makes a topic with defaults where there is none.
    pub(crate) async fn ensure_topic(&self, topic: &TopicName) -> Result<()> {
        self.register(topic).await?;
        let call = self.ensure(topic, &self.link.config().topic, false);
        self.run(self.keys(topic).slot, call).await.map(drop)
    }

    /// Makes a group, and its topic, where there is none.
    pub(crate) async fn ensure_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        config: &GroupConfig,
    ) -> Result<Ensured> {
        let start = self.start(topic, &config.start).await?;
        let is_by_key = config.ordering == Ordering::PerKey;
        let id = MessageId::new();
        let tail = u32::from_be_bytes([
            id.as_bytes()[12],
            id.as_bytes()[13],
            id.as_bytes()[14],
            id.as_bytes()[15],
        ]);
        let incarnation = format!("{tail:08x}");
        let made = self.make_group(topic, group, is_by_key, &incarnation, &start);
        let (_, ensured) = made.await?;
        Ok(ensured)
    }

    async fn make_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        is_by_key: bool,
        incarnation: &str,
        start: &str,
    ) -> Result<(bool, Ensured)> {
        self.register(topic).await?;
        let mut call = self.ensure(topic, &self.link.config().topic, false);
        call.arg(group.as_str())
            .arg(if is_by_key { "key" } else { "none" })
            .arg(incarnation)
            .arg("0")
            .arg(start);
        let answer = self.run(self.keys(topic).slot, call).await?;
        let mut words = list(answer)?.into_iter();
        let topic_is_new = next(&mut words)? == Value::Int(1);
        let row = text(next(&mut words)?)?;
        let made = number(next(&mut words)?)?;
        let row = GroupRow::parse(&row).ok_or_else(|| damaged(topic, group))?;
        let is_new = made != 0;
        Ok((topic_is_new, Ensured { row, is_new }))
    }

    /// Makes a group anew that the server has lost, and reports it, once whoever else does so too.
    pub(crate) async fn recover(
        &self,
        topic: &TopicName,
        group: &GroupName,
        keys: &GroupKeys,
    ) -> Result<()> {
        let incarnation = keys.stream_name.rsplit('#').next().unwrap_or_default();
        let made = self.make_group(topic, group, keys.is_by_key, incarnation, "0");
        let (topic_is_new, ensured) = made.await?;
        if topic_is_new {
            let topic = topic.clone();
            self.report(RedisEvent::TopicLost { topic });
        }
        if ensured.is_new {
            let (topic, group) = (topic.clone(), group.clone());
            self.report(RedisEvent::GroupLost { topic, group });
        }
        Ok(())
    }

    /// The id behind which a group begins, as the ensure step takes it.
    async fn start(&self, topic: &TopicName, start: &StartFrom) -> Result<String> {
        Ok(match start {
            StartFrom::Earliest => "0".to_owned(),
            StartFrom::Latest => "$".to_owned(),
            StartFrom::Time(_) | StartFrom::After(_) | StartFrom::Message(_) => {
                let from = replay::from(self, topic, start).await?;
                from.before().to_string()
            }
        })
    }
}

fn damaged(topic: &TopicName, group: &GroupName) -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the group's record on the server is not one of glmsg's",
    )
    .with("topic", topic)
    .with("group", group)
}

/// The first id at or after a time.
pub(crate) fn id_at(micros: i64) -> EntryId {
    let up = micros.saturating_add(999).div_euclid(1000).max(0);
    EntryId {
        millis: u64::try_from(up).unwrap_or(0),
        number: 0,
    }
}
