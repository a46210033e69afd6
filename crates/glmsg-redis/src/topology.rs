//! Making topics and groups, and making them anew when the server has lost them.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use glmsg_broker::{GroupConfig, Ordering, Overflow, StartFrom, TopicConfig};
use glmsg_core::{Error, ErrorKind, GroupName, MessageId, Result, TopicName};
use redis::{Cmd, Value};

use crate::broker::Shared;
use crate::encode::{list, millis, next, number, text};
use crate::event::RedisEvent;
use crate::frame::text_of;
use crate::keys::{GroupKeys, GroupRow};
use crate::known::Known;
use crate::place::EntryId;
use crate::replay;

/// What the ensure step says of a topic that was not there and that nobody had deleted.
const LOST: i64 = 1;

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
        let done = self.run(self.keys(topic).slot, call).await;
        self.known(topic).room.forget();
        match list(done?)?.first() {
            Some(Value::Int(_)) => Ok(()),
            _ => Err(no_frames(topic)),
        }
    }

    /// Makes a topic with defaults where there is none.
    pub(crate) async fn ensure_topic(&self, topic: &TopicName) -> Result<()> {
        self.make_topic(topic).await.map(drop)
    }

    /// Makes a topic that is absent. If something was stored in it before and nobody deleted it,
    /// that is reported, once whoever else does so too.
    pub(crate) async fn recover_topic(&self, known: &Arc<Known>) -> Result<()> {
        let made = self.make_topic(&known.topic).await?;
        if made == Value::Int(LOST) && known.was_there.load(Relaxed) {
            self.lost_topic(known);
        }
        Ok(())
    }

    async fn make_topic(&self, topic: &TopicName) -> Result<Value> {
        self.register(topic).await?;
        let call = self.ensure(topic, &self.link.config().topic, false);
        let answer = self.run(self.keys(topic).slot, call).await?;
        next(&mut list(answer)?.into_iter())
    }

    fn lost_topic(&self, known: &Arc<Known>) {
        let topic = known.topic.clone();
        self.report(RedisEvent::TopicLost { topic });
        self.recent.gone(known);
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
        let start = (&*start.0, &*start.1);
        let made = self.make_group(topic, group, is_by_key, &incarnation, start);
        let (_, mut ensured) = made.await?;
        // Its answer may have been lost, and what was sent again found the group.
        ensured.is_new |= ensured.row.incarnation == incarnation;
        Ok(ensured)
    }

    async fn make_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        is_by_key: bool,
        incarnation: &str,
        (start, first): (&str, &str),
    ) -> Result<(bool, Ensured)> {
        self.register(topic).await?;
        let mut call = self.ensure(topic, &self.link.config().topic, false);
        call.arg(group.as_str())
            .arg(if is_by_key { "key" } else { "none" })
            .arg(incarnation)
            .arg("0")
            .arg(start)
            .arg(first);
        let answer = self.run(self.keys(topic).slot, call).await?;
        let mut words = list(answer)?.into_iter();
        let topic_is_new = match next(&mut words)? {
            Value::Int(is_new) => is_new == LOST,
            _ => return Err(no_order(topic).with("group", group)),
        };
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
        let made = self.make_group(topic, group, keys.is_by_key, incarnation, ("0", ""));
        let (topic_is_new, ensured) = made.await?;
        if topic_is_new {
            self.lost_topic(&self.known(topic));
        }
        if ensured.is_new {
            // Whoever lost its place may have lost messages, too.
            self.recent.gone(&self.known(topic));
            let (topic, group) = (topic.clone(), group.clone());
            self.report(RedisEvent::GroupLost { topic, group });
        }
        Ok(())
    }

    /// The id behind which a group begins, and if that is a frame which of its messages it gets
    /// first, as the ensure step takes them.
    async fn start(&self, topic: &TopicName, start: &StartFrom) -> Result<(String, String)> {
        let all = String::new();
        Ok(match start {
            StartFrom::Earliest => ("0".to_owned(), all),
            StartFrom::Latest => ("$".to_owned(), all),
            StartFrom::Time(_) | StartFrom::After(_) | StartFrom::Message(_) => {
                let from = replay::from(self, topic, start).await?;
                match from.index {
                    0 => (from.id.before().to_string(), all),
                    index => (from.id.to_string(), index.to_string()),
                }
            }
        })
    }
}

fn no_order(topic: &TopicName) -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the topic stores messages in frames, whose order by key no group can keep",
    )
    .with("topic", topic)
    .remedy("create the topic without frames; one that had them must first be rid of its messages")
}

fn no_frames(topic: &TopicName) -> Error {
    Error::new(
        ErrorKind::Conflict,
        "a group of the topic keeps the order of keys, which it cannot in frames",
    )
    .with("topic", topic)
    .remedy("delete the group, or keep the topic without frames")
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
