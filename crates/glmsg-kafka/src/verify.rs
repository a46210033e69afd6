//! Whether topics are as they must be. What is asked for when a topic is made says nothing of one
//! that was there before, or that somebody has altered since.

mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::Finding;
use glmsg_core::{Error, ErrorKind, Result};
use rdkafka::admin::{OwnedResourceSpecifier, ResourceSpecifier};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

pub(crate) use self::rules::Wanted;
use self::rules::{Difference, Facts};
use crate::Profile;
use crate::cluster::Cluster;
use crate::connection::{Link, blocking};
use crate::error::{from_code, from_kafka};
use crate::names::{GroupNames, Part, TopicNames, read};
use crate::retry;
use crate::settling::confirmed;

/// The most topics that are asked about in one request.
const AT_ONCE: usize = 100;

impl Cluster {
    /// In production, refuses topics that would lose messages: with fewer copies than two, compacted,
    /// or kept for less long than asked.
    ///
    /// # Errors
    /// `ConfigInvalid` that names the topic, the setting, what was found, what is wanted and what to
    /// do. `PermissionDenied` if the user may not ask.
    pub(crate) async fn verify(&self, wanted: &[Wanted]) -> Result<()> {
        if self.link.config().profile != Profile::Production {
            return Ok(());
        }
        // The broker that is asked may not know yet of a topic that another has shown.
        match confirmed(&self.link, || self.look_at(wanted)).await {
            // A part that is not there loses nothing.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            looked => looked,
        }
    }

    async fn look_at(&self, wanted: &[Wanted]) -> Result<()> {
        let facts = self.link.facts_of(wanted.iter().map(|w| &*w.name)).await?;
        let mut missing = None;
        for wanted in wanted {
            let Some(facts) = facts.get(&wanted.name) else {
                missing.get_or_insert(wanted);
                continue;
            };
            let differences = rules::compare(facts, wanted);
            if let Some(worst) = differences.into_iter().find(|d| d.is_unsafe) {
                return Err(worst.into_error());
            }
        }
        missing.map_or(Ok(()), |wanted| Err(untold(wanted)))
    }

    /// What one of our topics consists of, as it was asked for. `kept` is how long messages are kept,
    /// if that was asked for.
    pub(crate) fn wanted_of(&self, names: &TopicNames, kept: Option<Duration>) -> Vec<Wanted> {
        let main = i32::from(self.link.config().partitions);
        let each = names.all().map(|name| {
            let partitions = if name == names.base() { main } else { 1 };
            self.wanted(name, partitions, kept)
        });
        each.collect()
    }

    /// What a group consists of.
    pub(crate) fn wanted_of_group(&self, names: &GroupNames) -> Vec<Wanted> {
        let mut retry = self.wanted(&names.retry, retry::TIERS, Some(retry::LONGEST_KEPT));
        // Each partition is a tier.
        retry.needs_partitions = true;
        let kept = self.asked(|topic| topic.dead_letter_age);
        vec![retry, self.wanted(&names.dead, 1, kept)]
    }

    /// The topic of logs and values.
    pub(crate) fn wanted_of_storage(&self, name: &str) -> Wanted {
        let mut wanted = self.wanted(name, 1, None);
        wanted.is_compacted = true;
        wanted.largest = self.link.config().max_change();
        wanted
    }

    fn wanted(&self, name: &str, partitions: i32, kept: Option<Duration>) -> Wanted {
        let config = self.link.config();
        // A single copy is lost with its broker; with one in sync, that one alone has what is stored.
        let least = |asked: Option<u16>| i64::from(asked.unwrap_or(2));
        Wanted {
            name: name.to_owned(),
            partitions,
            needs_partitions: false,
            is_compacted: false,
            copies: least(config.replication),
            in_sync: least(config.min_insync),
            kept,
            largest: config.max_record(),
        }
    }

    /// A bound of the settings; `None` if it is the default, which nobody has asked for.
    pub(crate) fn asked(
        &self,
        bound: impl Fn(&glmsg_broker::TopicConfig) -> Duration,
    ) -> Option<Duration> {
        let asked = bound(&self.link.config().topic);
        (asked != bound(&glmsg_broker::TopicConfig::default())).then_some(asked)
    }

    /// What is not as it should be with the topics of the namespace.
    pub(crate) async fn examine_topics(&self) -> Result<Vec<Finding>> {
        const SUBJECT: &str = "topics";
        let all = self.link.all_topics().await?;
        let namespace = &self.link.config().namespace;
        let mut wanted = Vec::new();
        for name in all.keys() {
            match read(namespace, name) {
                Some(Part::Topic(topic)) => {
                    let names = self.names(&topic)?;
                    // One that is not ours has no place for what is scheduled.
                    if all.contains_key(&names.later) {
                        wanted.extend(self.wanted_of(&names, self.asked(|topic| topic.max_age)));
                    }
                }
                Some(Part::Group(topic, group, ordering)) => {
                    let names = GroupNames::new(&self.names(&topic)?, &group, ordering)?;
                    wanted.extend(self.wanted_of_group(&names));
                }
                None => {}
            }
        }
        wanted.push(self.wanted_of_storage(&crate::names::storage(namespace)?));
        wanted.retain(|wanted| all.contains_key(&wanted.name));
        let facts = match self.link.facts_of(wanted.iter().map(|w| &*w.name)).await {
            Ok(facts) => facts,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Ok(vec![Finding::warning(
                    SUBJECT,
                    "the cluster does not say how topics are set up",
                    "allow DescribeConfigs on topics, or see to it yourself",
                )]);
            }
            Err(error) => return Err(error),
        };
        let of = |wanted: &Wanted| facts.get(&wanted.name).map(|f| rules::compare(f, wanted));
        let differences: Vec<Difference> = wanted.iter().filter_map(of).flatten().collect();
        if differences.is_empty() {
            let what = format!("{} topics in Kafka are as they should be", facts.len());
            return Ok(vec![Finding::ok(SUBJECT, what)]);
        }
        // One finding for each setting: what is amiss with one topic is mostly amiss with all.
        let mut alike: BTreeMap<&'static str, Vec<Difference>> = BTreeMap::new();
        for difference in differences {
            alike
                .entry(difference.setting)
                .or_default()
                .push(difference);
        }
        let findings = alike.into_values().filter_map(|alike| {
            let first = alike.first()?;
            let more = match alike.len() - 1 {
                0 => String::new(),
                more => format!(" (and of {more} more)"),
            };
            let what = format!("{}{more}", first.text());
            Some(Finding::warning(SUBJECT, what, first.remedy()))
        });
        Ok(findings.collect())
    }
}

impl Link {
    /// How topics are set up; those that are not there are left out.
    async fn facts_of<'a>(
        self: &Arc<Self>,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, Facts>> {
        let names: Vec<&str> = names.into_iter().collect();
        let mut facts = self.layout(&names).await?;
        for some in names.chunks(AT_ONCE) {
            let asked: Vec<_> = some.iter().map(|n| ResourceSpecifier::Topic(n)).collect();
            let found = self.admin().describe_configs(&asked, &self.options()).await;
            for resource in found.map_err(|e| from_kafka(&e, false))? {
                let resource = match resource {
                    Ok(resource) => resource,
                    Err(
                        RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
                    ) => continue,
                    Err(code) => return Err(may_not_ask(code)),
                };
                let OwnedResourceSpecifier::Topic(name) = resource.specifier else {
                    continue;
                };
                if let Some(facts) = facts.get_mut(&name) {
                    let entries = resource.entries.into_iter();
                    let each = entries.filter_map(|entry| Some((entry.name, entry.value?)));
                    facts.settings.extend(each);
                }
            }
        }
        // Of one that was just deleted there is no more than that.
        facts.retain(|_, facts| !facts.settings.is_empty());
        Ok(facts)
    }

    /// Partitions and copies of topics.
    async fn layout(self: &Arc<Self>, names: &[&str]) -> Result<BTreeMap<String, Facts>> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let link = Arc::clone(self);
        blocking(move || {
            let mut facts = BTreeMap::new();
            for name in &names {
                let found = link.metadata(Some(name))?;
                for topic in found
                    .topics()
                    .iter()
                    .filter(|topic| is_there(topic.error()))
                {
                    let copies = topic.partitions().iter().map(|p| p.replicas().len());
                    let layout = Facts {
                        partitions: topic.partitions().len(),
                        copies: copies.min().unwrap_or(0),
                        settings: BTreeMap::new(),
                    };
                    facts.insert(topic.name().to_owned(), layout);
                }
            }
            Ok(facts)
        })
        .await
    }
}

fn is_there(error: Option<RDKafkaRespErr>) -> bool {
    !matches!(
        error,
        Some(
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                | RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
        )
    )
}

fn untold(wanted: &Wanted) -> Error {
    let text = "the cluster does not say how a topic is set up that was there just before";
    Error::new(ErrorKind::NotFound, text)
        .with("topic", &wanted.name)
        .remedy("see whether somebody deletes it, and whether all brokers are well")
}

fn may_not_ask(code: RDKafkaErrorCode) -> Error {
    let error = from_code(code, false);
    match error.kind() {
        ErrorKind::PermissionDenied => error.remedy(
            "allow the user DescribeConfigs on its topics: profile=production looks how they are set up",
        ),
        _ => error,
    }
}
