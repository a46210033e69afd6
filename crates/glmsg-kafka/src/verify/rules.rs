//! What a topic's settings mean for its messages.

use std::collections::BTreeMap;
use std::time::Duration;

use glmsg_core::{Error, ErrorKind};

/// How a topic of Kafka's is set up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) partitions: usize,
    /// Of the partition that has the fewest.
    pub(crate) copies: usize,
    pub(crate) settings: BTreeMap<String, String>,
}

impl Facts {
    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.setting(name)?.parse().ok()
    }
}

/// How it should be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    /// With fewer it does not work.
    pub(crate) needs_partitions: bool,
    /// Nothing goes by its age.
    pub(crate) is_compacted: bool,
    pub(crate) copies: i64,
    pub(crate) in_sync: i64,
    /// If anything was asked for.
    pub(crate) kept: Option<Duration>,
    /// The largest record, in bytes.
    pub(crate) largest: usize,
}

/// A setting that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    topic: String,
    pub(crate) setting: &'static str,
    found: String,
    wanted: String,
    /// What it means.
    means: &'static str,
    /// Messages can be lost by it, or cannot be stored.
    pub(crate) is_unsafe: bool,
}

impl Difference {
    pub(crate) fn text(&self) -> String {
        let Self {
            topic,
            setting,
            found,
            wanted,
            means,
            ..
        } = self;
        format!("{setting} of the topic {topic} is {found}, wanted is {wanted}: {means}")
    }

    pub(crate) fn remedy(&self) -> String {
        let Self { topic, wanted, .. } = self;
        match self.setting {
            "replication.factor" => format!(
                "add copies with kafka-reassign-partitions, or delete the topic {topic} and set replication=3 in the URL"
            ),
            "partitions" => {
                format!(
                    "kafka-topics --alter --topic {topic} --partitions {}",
                    number(wanted)
                )
            }
            setting => format!(
                "kafka-configs --alter --entity-type topics --entity-name {topic} --add-config {setting}={}",
                number(wanted)
            ),
        }
    }

    pub(crate) fn into_error(self) -> Error {
        let what = format!(
            "profile=production refuses a topic of Kafka's: {}",
            self.means
        );
        let remedy = self.remedy();
        Error::new(ErrorKind::ConfigInvalid, what)
            .with("topic", self.topic)
            .with("setting", self.setting)
            .with("found", self.found)
            .with("wanted", self.wanted)
            .remedy(remedy)
    }
}

/// The value itself, of `at least 2`.
fn number(wanted: &str) -> &str {
    wanted.strip_prefix("at least ").unwrap_or(wanted)
}

/// What is not as it should be; what is worst comes first.
pub(crate) fn compare(facts: &Facts, wanted: &Wanted) -> Vec<Difference> {
    let differs = |setting, found: String, wanted_is: String, means, is_unsafe| Difference {
        topic: wanted.name.clone(),
        setting,
        found,
        wanted: wanted_is,
        means,
        is_unsafe,
    };
    let mut all = Vec::new();
    if let Some(policy) = facts.setting("cleanup.policy") {
        let (is_wrong, right, means) = match wanted.is_compacted {
            true => (
                policy.contains("delete"),
                "compact",
                "logs and values go by their age",
            ),
            false => (
                policy.contains("compact"),
                "delete",
                "of messages with the same key only the last is kept",
            ),
        };
        if is_wrong {
            let (policy, right) = (policy.to_owned(), right.to_owned());
            all.push(differs("cleanup.policy", policy, right, means, true));
        }
    }
    // A number that is too small, unless it stands for no bound.
    let mut least = |setting, found: Option<i64>, least: i64, means, is_unsafe| {
        if let Some(found) = found.filter(|found| (0..least).contains(found)) {
            let least = format!("at least {least}");
            all.push(differs(setting, found.to_string(), least, means, is_unsafe));
        }
    };
    let copies = i64::try_from(facts.copies).ok();
    let means = "what the brokers of its copies lose is lost";
    least("replication.factor", copies, wanted.copies, means, true);
    let in_sync = facts.number("min.insync.replicas");
    let means = "a message counts as stored when fewer copies have it";
    least("min.insync.replicas", in_sync, wanted.in_sync, means, true);
    if let Some(kept) = wanted.kept {
        let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        let means = "messages go earlier than asked, read or not";
        least(
            "retention.ms",
            facts.number("retention.ms"),
            kept,
            means,
            true,
        );
    }
    let largest = i64::try_from(wanted.largest).unwrap_or(i64::MAX);
    let means = "messages of the largest payload cannot be stored";
    least(
        "max.message.bytes",
        facts.number("max.message.bytes"),
        largest,
        means,
        true,
    );
    let partitions = i64::try_from(facts.partitions).ok();
    let (means, needs) = match wanted.needs_partitions {
        true => ("what comes back to the group has no place to wait", true),
        false => ("fewer processes can share its messages", false),
    };
    least(
        "partitions",
        partitions,
        wanted.partitions.into(),
        means,
        needs,
    );
    if let Some(bytes) = facts.number("retention.bytes").filter(|bytes| *bytes >= 0) {
        let means = "messages go when there are many, read or not";
        all.push(differs(
            "retention.bytes",
            bytes.to_string(),
            "-1".to_owned(),
            means,
            true,
        ));
    }
    if let (Some(in_sync), Some(copies)) = (in_sync, copies)
        && in_sync > copies
    {
        let means = "more copies must have a message than there are, so none can be stored";
        all.push(differs(
            "min.insync.replicas",
            in_sync.to_string(),
            copies.to_string(),
            means,
            true,
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Facts {
        let settings = [
            ("cleanup.policy", "delete"),
            ("min.insync.replicas", "2"),
            ("retention.ms", "604800000"),
            ("retention.bytes", "-1"),
            ("max.message.bytes", "2000000"),
        ];
        Facts {
            partitions: 4,
            copies: 3,
            settings: settings.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        }
    }

    fn wanted() -> Wanted {
        Wanted {
            name: "orders".to_owned(),
            partitions: 4,
            needs_partitions: false,
            is_compacted: false,
            copies: 2,
            in_sync: 2,
            kept: Some(Duration::from_secs(7 * 24 * 3600)),
            largest: 1_572_864,
        }
    }

    fn with(setting: &str, value: &str) -> Facts {
        let mut facts = good();
        facts.settings.insert(setting.to_owned(), value.to_owned());
        facts
    }

    #[test]
    fn a_topic_as_it_should_be_differs_in_nothing() {
        assert_eq!(compare(&good(), &wanted()), []);
        // No bound is longer than any.
        assert_eq!(compare(&with("retention.ms", "-1"), &wanted()), []);
        let unasked = Wanted {
            kept: None,
            ..wanted()
        };
        assert_eq!(compare(&with("retention.ms", "1000"), &unasked), []);
    }

    #[test]
    fn what_can_lose_messages_is_refused_with_all_there_is_to_know() {
        let single = Facts {
            copies: 1,
            ..with("min.insync.replicas", "1")
        };
        for (setting, found, shown, facts) in [
            (
                "cleanup.policy",
                "compact",
                "delete",
                with("cleanup.policy", "compact"),
            ),
            (
                "cleanup.policy",
                "compact,delete",
                "delete",
                with("cleanup.policy", "compact,delete"),
            ),
            ("replication.factor", "1", "at least 2", single),
            (
                "min.insync.replicas",
                "1",
                "at least 2",
                with("min.insync.replicas", "1"),
            ),
            (
                "min.insync.replicas",
                "4",
                "3",
                with("min.insync.replicas", "4"),
            ),
            (
                "retention.ms",
                "60000",
                "at least 604800000",
                with("retention.ms", "60000"),
            ),
            (
                "retention.bytes",
                "1024",
                "-1",
                with("retention.bytes", "1024"),
            ),
            (
                "max.message.bytes",
                "1048588",
                "at least 1572864",
                with("max.message.bytes", "1048588"),
            ),
        ] {
            let found_all = compare(&facts, &wanted());
            let worst = found_all.into_iter().next().unwrap();
            assert!(worst.is_unsafe, "{setting}");
            let error = worst.into_error();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
            assert_eq!(error.context("topic"), Some("orders"));
            assert_eq!(error.context("setting"), Some(setting));
            assert_eq!(error.context("found"), Some(found));
            assert_eq!(error.context("wanted"), Some(shown));
            assert!(error.to_string().contains("kafka-"), "a remedy: {error}");
        }
    }

    #[test]
    fn fewer_partitions_are_told_of_and_not_refused_unless_they_are_needed() {
        let few = Facts {
            partitions: 2,
            ..good()
        };
        let found = compare(&few, &wanted());
        assert_eq!(found.len(), 1);
        assert!(!found[0].is_unsafe);
        assert_eq!(
            found[0].remedy(),
            "kafka-topics --alter --topic orders --partitions 4"
        );
        let needed = Wanted {
            needs_partitions: true,
            ..wanted()
        };
        assert!(compare(&few, &needed)[0].is_unsafe);
    }
}
