//! What topics and groups are called in Kafka.
//!
//! Names of ours have no empty segment, so two dots in a row part what belongs together and can
//! never be part of a topic's own name.

use glmsg_broker::Ordering;
use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName};

/// The longest name Kafka takes.
const LONGEST: usize = 249;

/// The topics in Kafka that make up one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicNames {
    /// By priority: low, normal, high, critical. `Normal` has the topic's own name.
    pub(crate) lanes: [String; 4],
    /// Messages that are scheduled.
    pub(crate) later: String,
}

impl TopicNames {
    pub(crate) fn new(namespace: &str, topic: &TopicName) -> Result<Self> {
        let base = base(namespace, topic);
        let of = |suffix: &str| checked(format!("{base}..{suffix}"));
        Ok(Self {
            lanes: [of("low")?, base.clone(), of("high")?, of("critical")?],
            later: of("later")?,
        })
    }

    /// The name all others begin with.
    pub(crate) fn base(&self) -> &str {
        &self.lanes[1]
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        let lanes = self.lanes.iter().map(String::as_str);
        lanes.chain([self.later.as_str()])
    }
}

/// What a group has in Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupNames {
    /// The consumer group.
    pub(crate) id: String,
    /// Messages that come back to the group. There is a group as long as there is this.
    pub(crate) retry: String,
    /// Its dead letters, and what became of them.
    pub(crate) dead: String,
    pub(crate) kind: Kind,
}

/// How a group reads its topic. The name of its retry topic tells it, so that no process of either
/// kind joins one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By leases: what was told beside offsets counts.
    Leased(Ordering),
    /// By transactions: offsets alone count.
    Transactional,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [
        Self::Leased(Ordering::None),
        Self::Leased(Ordering::PerKey),
        Self::Transactional,
    ];

    /// The order that others are shown.
    pub(crate) const fn ordering(self) -> Ordering {
        match self {
            Self::Leased(ordering) => ordering,
            Self::Transactional => Ordering::None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Leased(Ordering::None) => "retry",
            Self::Leased(Ordering::PerKey) => "keyed",
            Self::Transactional => "once",
        }
    }
}

impl GroupNames {
    pub(crate) fn new(topic: &TopicNames, group: &GroupName, kind: Kind) -> Result<Self> {
        let id = checked(format!("{}..{group}", topic.base()))?;
        Ok(Self {
            retry: checked(format!("{id}..{}", kind.word()))?,
            dead: checked(format!("{id}..dead"))?,
            id,
            kind,
        })
    }
}

fn base(namespace: &str, topic: &TopicName) -> String {
    match namespace {
        "" => topic.to_string(),
        _ => format!("{namespace}.{topic}"),
    }
}

fn checked(name: String) -> Result<String> {
    if name.len() <= LONGEST {
        return Ok(name);
    }
    Err(Error::new(
        ErrorKind::InvalidArgument,
        format!(
            "in Kafka this needs a name of {} bytes, the limit is {LONGEST}",
            name.len()
        ),
    )
    .with("name", name)
    .remedy("use shorter names for topic, group and namespace: together at most 230 bytes"))
}

/// The topic of a namespace's logs and values. No topic has an empty name.
pub(crate) fn storage(namespace: &str) -> Result<String> {
    checked(format!("{namespace}..storage"))
}

/// What a topic in Kafka is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A topic's own.
    Topic(TopicName),
    /// Tells that there is this group.
    Group(TopicName, GroupName, Kind),
}

/// Reads a name in Kafka; `None` if it is not one of ours, or tells nothing new.
pub(crate) fn read(namespace: &str, name: &str) -> Option<Part> {
    let name = match namespace {
        "" => name,
        _ => name.strip_prefix(namespace)?.strip_prefix('.')?,
    };
    let mut words = name.split("..");
    let topic = TopicName::new(words.next()?).ok()?;
    match (words.next(), words.next(), words.next()) {
        (None, ..) => Some(Part::Topic(topic)),
        (Some(group), Some(word), None) => {
            let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
            let group = GroupName::new(group).ok()?;
            Some(Part::Group(topic, group, kind))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> TopicName {
        TopicName::new(name).unwrap()
    }

    #[test]
    fn names_are_read_back() {
        let group = GroupName::new("billing.eu").unwrap();
        for namespace in ["", "shop"] {
            let names = TopicNames::new(namespace, &topic("orders.new")).unwrap();
            assert_eq!(
                read(namespace, names.base()),
                Some(Part::Topic(topic("orders.new")))
            );
            for other in names.all().filter(|name| *name != names.base()) {
                assert_eq!(read(namespace, other), None, "{other}");
            }
            for kind in Kind::ALL {
                let names = GroupNames::new(&names, &group, kind).unwrap();
                assert_eq!(
                    read(namespace, &names.retry),
                    Some(Part::Group(topic("orders.new"), group.clone(), kind))
                );
                assert_eq!(read(namespace, &names.dead), None);
            }
        }
    }

    #[test]
    fn the_storage_is_no_topic_of_ours() {
        for namespace in ["", "shop"] {
            let name = storage(namespace).unwrap();
            for reader in ["", "shop"] {
                assert_eq!(read(reader, &name), None, "{name}");
            }
        }
    }

    #[test]
    fn names_of_others_are_nobodys() {
        for name in [
            "__consumer_offsets",
            "gm.x",
            "a..b",
            "..a",
            "a..b..c..d",
            "",
        ] {
            assert_eq!(read("", name), None, "{name}");
        }
        assert_eq!(read("shop", "orders"), None);
        assert_eq!(read("shop", "shopping"), None);
    }

    #[test]
    fn a_name_that_is_too_long_together_is_refused() {
        let long = vec!["a".repeat(60); 3].join(".");
        let names = TopicNames::new("", &topic(&long)).unwrap();
        let group = GroupName::new(&long).unwrap();
        let error = GroupNames::new(&names, &group, Kind::Transactional).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}
