//! The names of keys. All of a topic's keys share one hash tag, so a script has them in one slot.

use glmsg_core::{GroupName, TopicName};

use crate::connection::slot_of;

/// How many lanes a topic has: one for each priority.
pub(crate) const LANES: usize = 4;
/// The lane number from which on a message stands in the group's own stream.
pub(crate) const ORPHANS: u8 = 4;

/// The keys of a topic.
#[derive(Debug)]
pub(crate) struct TopicKeys {
    pub(crate) slot: u16,
    base: String,
    /// In the order that the scripts know.
    keys: Vec<String>,
}

impl TopicKeys {
    pub(crate) fn new(namespace: &str, topic: &TopicName) -> Self {
        let tag = format!("{namespace}/{topic}");
        let base = format!("glmsg:{{{tag}}}:");
        let names = [
            "meta", "groups", "gone", "ids", "lane0", "lane1", "lane2", "lane3", "bell", "due",
            "body", "frames",
        ];
        Self {
            slot: slot_of(&tag),
            keys: names.map(|name| format!("{base}{name}")).into(),
            base,
        }
    }

    pub(crate) fn all(&self) -> &[String] {
        &self.keys
    }

    /// What the step touches that stores a frame: meta, the normal lane, frames.
    pub(crate) fn framed(&self) -> [&str; 3] {
        [0, 5, 11].map(|at| self.keys[at].as_str())
    }

    pub(crate) fn groups(&self) -> &str {
        &self.keys[1]
    }

    pub(crate) fn lane(&self, lane: u8) -> &str {
        &self.keys[4 + usize::from(lane)]
    }
}

/// The keys of a group, the topic's before them.
#[derive(Debug)]
pub(crate) struct GroupKeys {
    pub(crate) slot: u16,
    /// The group's name on the streams: its own with its incarnation, so that a group made anew is
    /// told from the one before.
    pub(crate) stream_name: String,
    pub(crate) is_by_key: bool,
    keys: Vec<String>,
}

impl GroupKeys {
    pub(crate) fn new(topic: &TopicKeys, group: &GroupName, row: &GroupRow) -> Self {
        let stream_name = format!("{group}#{}", row.incarnation);
        let names = [
            "waiting",
            "history",
            "orphans",
            "letters",
            "letter-ids",
            "letter",
            "ready",
            "parked",
            "active",
            "members",
            "origins",
        ];
        let own = names.map(|name| format!("{}{name}:{stream_name}", topic.base));
        Self {
            slot: topic.slot,
            keys: topic.keys.iter().cloned().chain(own).collect(),
            is_by_key: row.is_by_key,
            stream_name,
        }
    }

    pub(crate) fn all(&self) -> &[String] {
        &self.keys
    }

    pub(crate) fn lane(&self, lane: u8) -> &str {
        &self.keys[4 + usize::from(lane)]
    }

    /// The stream of a lane, or of what is on its own.
    pub(crate) fn stream(&self, lane: u8) -> &str {
        if lane < ORPHANS {
            self.lane(lane)
        } else {
            &self.keys[14]
        }
    }

    /// What the step touches that acks messages of frames: the normal lane, history, waiting.
    pub(crate) fn framed(&self) -> [&str; 3] {
        [5, 13, 12].map(|at| self.keys[at].as_str())
    }

    pub(crate) fn bell(&self) -> &str {
        &self.keys[8]
    }
}

/// What a topic knows of a group.
#[derive(Debug, Clone)]
pub(crate) struct GroupRow {
    pub(crate) is_by_key: bool,
    /// In microseconds since 1970.
    pub(crate) created_at: i64,
    pub(crate) incarnation: String,
}

impl GroupRow {
    /// Reads a row as the scripts write it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let (ordering, created, incarnation) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            is_by_key: ordering == "key",
            created_at: created.parse().ok()?,
            incarnation: incarnation.to_owned(),
        })
    }
}

/// The set of all topics of a namespace.
pub(crate) fn registry(namespace: &str) -> (u16, String) {
    (slot_of(namespace), format!("glmsg:{{{namespace}}}:topics"))
}

/// How many shards a namespace's logs and values are spread over.
pub(crate) const SHARDS: u16 = 16;

/// The keys of a shard of a namespace's logs and values.
#[derive(Debug)]
pub(crate) struct ShardKeys {
    pub(crate) slot: u16,
    base: String,
}

impl ShardKeys {
    pub(crate) fn new(namespace: &str, shard: u16) -> Self {
        let tag = format!("{namespace}#{shard:02}");
        Self {
            slot: slot_of(&tag),
            base: format!("glmsg:{{{tag}}}:"),
        }
    }

    /// The shard of a log or value.
    pub(crate) fn of(namespace: &str, key: &str) -> Self {
        Self::new(namespace, slot_of(key) % SHARDS)
    }

    fn named<const N: usize>(&self, names: [&str; N]) -> [String; N] {
        names.map(|name| format!("{}{name}", self.base))
    }

    pub(crate) fn log(&self, log: &str) -> String {
        format!("{}log:{log}", self.base)
    }

    /// What is known of each log, and their names in order.
    pub(crate) fn logs(&self) -> [String; 2] {
        self.named(["logs", "log-names"])
    }

    /// In the order that the steps over values know.
    pub(crate) fn values(&self) -> [String; 5] {
        self.named([
            "values",
            "value-bytes",
            "value-names",
            "value-expiry",
            "value-floor",
        ])
    }

    /// An operation, by which a step that is sent again finds what it did.
    pub(crate) fn operation(&self, id: u128) -> String {
        format!("{}operation:{id:032x}", self.base)
    }
}
