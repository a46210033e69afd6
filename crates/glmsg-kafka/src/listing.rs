//! Listing topics and groups.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{GroupInfo, TopicInfo};
use glmsg_core::{Clock as _, ErrorKind, GroupName, Result, SystemClock, Timestamp, TopicName};
use rdkafka::Message as _;

use crate::cluster::Cluster;
use crate::connection::{Place, Topics, blocking};
use crate::dead_letter::count_letters;
use crate::names::{GroupNames, Part, TopicNames, read};
use crate::record;
use crate::scan::Range;

/// How often it is looked again for topics that change while they are looked at, and how long between.
const LOOKS: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A topic of ours, and what it has in Kafka.
struct Listed {
    topic: TopicName,
    names: TopicNames,
    groups: BTreeMap<GroupName, GroupNames>,
}

impl Listed {
    /// Those of its partitions that there are.
    fn partitions<'a>(&'a self, all: &'a Topics) -> impl Iterator<Item = (&'a str, i32)> {
        let dead = self.groups.values().map(|group| &*group.dead);
        let there = self.names.all().chain(dead);
        let there = there.filter_map(|name| Some((name, *all.get(name)?)));
        there.flat_map(|(name, count)| (0..count).map(move |partition| (name, partition)))
    }
}

/// What stands in partitions.
struct Standing(BTreeMap<String, Vec<Range>>);

impl Standing {
    fn of(&self, name: &str) -> &[Range] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    fn count(&self, name: &str) -> u64 {
        let each = self.of(name).iter().map(|range| range.to - range.from);
        each.map(|count| u64::try_from(count).unwrap_or(0)).sum()
    }
}

impl Cluster {
    /// The names of all topics, in their order.
    pub(crate) async fn topic_names(&self) -> Result<Vec<TopicName>> {
        let all = self.link.all_topics().await?;
        let namespace = &self.link.config().namespace;
        let each = all.keys().filter_map(|name| match read(namespace, name) {
            Some(Part::Topic(topic)) => Some(topic),
            _ => None,
        });
        let mut names: Vec<TopicName> = each.collect();
        names.sort();
        Ok(names)
    }

    pub(crate) async fn list_topics(&self) -> Result<Vec<TopicInfo>> {
        let mut looks = 0;
        loop {
            let all = self.link.all_topics().await?;
            match self.infos(&all).await {
                // What was just made or deleted is not known to every broker at once.
                Err(error) if error.kind() == ErrorKind::NotFound && looks < LOOKS => {
                    looks += 1;
                    tokio::time::sleep(BETWEEN_LOOKS).await;
                }
                done => return done,
            }
        }
    }

    /// What there is to know of all topics: few questions, however many they are.
    async fn infos(&self, all: &Topics) -> Result<Vec<TopicInfo>> {
        let listed = self.listed(all)?;
        let partitions = listed.iter().flat_map(|topic| topic.partitions(all));
        let partitions = partitions.map(|(name, number)| (name.to_owned(), number));
        let standing = self.standing(partitions.collect()).await?;
        let scheduled = self.count_scheduled(&listed, &standing).await?;
        let mut infos = Vec::with_capacity(listed.len());
        for topic in listed {
            let lanes = topic.names.lanes.iter();
            let messages: u64 = lanes.map(|lane| standing.count(lane)).sum();
            let (due, scheduled) = scheduled.get(&topic.names.later).copied().unwrap_or((0, 0));
            let mut dead_letters = 0;
            for range in topic.groups.values().flat_map(|g| standing.of(&g.dead)) {
                if range.from < range.to {
                    let (link, range) = (Arc::clone(&self.link), range.clone());
                    dead_letters += blocking(move || count_letters(&link, range)).await?;
                }
            }
            infos.push(TopicInfo {
                name: topic.topic,
                messages: messages + due + scheduled,
                scheduled,
                groups: topic.groups.len() as u64,
                dead_letters,
                config: self.link.config().topic.clone(),
            });
        }
        infos.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(infos)
    }

    fn listed(&self, all: &Topics) -> Result<Vec<Listed>> {
        let namespace = &self.link.config().namespace;
        let (mut topics, mut groups) = (Vec::new(), HashMap::<_, Vec<_>>::new());
        for name in all.keys() {
            match read(namespace, name) {
                Some(Part::Topic(topic)) => topics.push(topic),
                Some(Part::Group(topic, group, kind)) => {
                    groups.entry(topic).or_default().push((group, kind));
                }
                None => {}
            }
        }
        let listed = topics.into_iter().map(|topic| {
            let names = self.names(&topic)?;
            let groups = groups.remove(&topic).unwrap_or_default().into_iter();
            let groups = groups.map(|(group, kind)| {
                let found = GroupNames::new(&names, &group, kind)?;
                Ok((group, found))
            });
            Ok(Listed {
                groups: groups.collect::<Result<_>>()?,
                topic,
                names,
            })
        });
        listed.collect()
    }

    /// Where partitions begin and end.
    async fn standing(&self, partitions: Vec<(String, i32)>) -> Result<Standing> {
        let (begins, ends) = tokio::try_join!(
            self.link.offsets(partitions.clone(), Place::Begin),
            self.link.offsets(partitions, Place::End),
        )?;
        let mut standing = BTreeMap::<String, Vec<Range>>::new();
        for ((topic, partition), to) in ends {
            let from = begins.get(&(topic.clone(), partition)).copied();
            standing.entry(topic.clone()).or_default().push(Range {
                topic,
                partition,
                from: from.unwrap_or(to),
                to,
                most: usize::MAX,
            });
        }
        Ok(Standing(standing))
    }

    /// How many messages were scheduled, by the topics they are in: those that are due, and those
    /// that are not.
    async fn count_scheduled(
        &self,
        listed: &[Listed],
        standing: &Standing,
    ) -> Result<HashMap<String, (u64, u64)>> {
        let later = listed
            .iter()
            .flat_map(|topic| standing.of(&topic.names.later));
        let ranges: Vec<Range> = later.cloned().collect();
        let link = Arc::clone(&self.link);
        blocking(move || {
            let (now, mut found) = (SystemClock.now(), HashMap::new());
            link.scan(&ranges, |record| {
                let due = record::due_of_published(record).and_then(|(due, ..)| due);
                let counts = match found.get_mut(record.topic()) {
                    Some(counts) => counts,
                    None => found.entry(record.topic().to_owned()).or_insert((0, 0)),
                };
                match due.is_some_and(|due| due > now) {
                    true => counts.1 += 1,
                    false => counts.0 += 1,
                }
            })?;
            Ok(found)
        })
        .await
    }

    /// The groups of a topic.
    pub(crate) async fn groups_of(
        &self,
        names: &TopicNames,
    ) -> Result<BTreeMap<GroupName, GroupNames>> {
        let all = self.link.all_topics().await?;
        let namespace = &self.link.config().namespace;
        let mut groups = BTreeMap::new();
        let prefix = format!("{}..", names.base());
        for name in all.keys().filter(|name| name.starts_with(&prefix)) {
            if let Some(Part::Group(_, group, kind)) = read(namespace, name) {
                let found = GroupNames::new(names, &group, kind)?;
                groups.insert(group, found);
            }
        }
        Ok(groups)
    }

    pub(crate) async fn find_groups(&self, topic: &TopicName) -> Result<Vec<GroupInfo>> {
        let (names, _) = self.find_topic(topic).await?;
        let groups = self.groups_of(&names).await?;
        let mut infos = Vec::with_capacity(groups.len());
        for (group, found) in groups {
            let members = self.link.count_members(&found.id).await?;
            let here = self.group_here(topic, &group);
            let sources = here.map_or(0, |here| here.sources());
            infos.push(GroupInfo {
                topic: topic.clone(),
                name: group,
                ordering: found.kind.ordering(),
                members: if sources > 0 {
                    members.saturating_sub(1) + sources
                } else {
                    members
                },
                created_at: Timestamp::from_micros(0),
            });
        }
        Ok(infos)
    }
}
