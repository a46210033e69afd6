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
    pub(crate) ordering: Ordering,
}

impl GroupNames {
    pub(crate) fn new(topic: &TopicNames, group: &GroupName, ordering: Ordering) -> Result<Self> {
        let id = checked(format!("{}..{group}", topic.base()))?;
        Ok(Self {
            retry: checked(format!("{id}..{}", kind(ordering)))?,
            dead: checked(format!("{id}..dead"))?,
            id,
            ordering,
        })
    }
}

fn kind(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::None => "retry",
        Ordering::PerKey => "keyed",
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

/// What a topic in Kafka is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A topic's own.
    Topic(TopicName),
    /// Tells that there is this group.
    Group(TopicName, GroupName, Ordering),
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
        (Some(group), Some(kind), None) => {
            let ordering = match kind {
                "retry" => Ordering::None,
                "keyed" => Ordering::PerKey,
                _ => return None,
            };
            let group = GroupName::new(group).ok()?;
            Some(Part::Group(topic, group, ordering))
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
            for ordering in [Ordering::None, Ordering::PerKey] {
                let names = GroupNames::new(&names, &group, ordering).unwrap();
                assert_eq!(
                    read(namespace, &names.retry),
                    Some(Part::Group(topic("orders.new"), group.clone(), ordering))
                );
                assert_eq!(read(namespace, &names.dead), None);
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
        let error = GroupNames::new(&names, &group, Ordering::None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}
