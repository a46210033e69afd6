//! Making and finding topics and groups.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use glmsg_broker::{StartFrom, TopicConfig};
use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName};
use tokio::time::Instant;

use crate::broker::{no_group, no_topic};
use crate::cluster::Cluster;
use crate::connection::{Committed, Place, ToMake, Topics};
use crate::marks;
use crate::names::{GroupNames, Kind, TopicNames};
use crate::retry;
use crate::settling::{LONGEST_PAUSE, PAUSE, confirmed, may_settle, settled};

/// The most partitions of the lanes that are not the normal one, and of what is scheduled.
const SIDE: i32 = 4;
/// How long the maker of a group may take to say where it begins. It may have died meanwhile.
const STARTING: Duration = Duration::from_secs(5);
/// The most topics whose names are remembered.
const REMEMBERED: usize = 4096;

/// Topics that were seen to be there.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<TopicName, Arc<TopicNames>>>);

impl Known {
    pub(crate) fn get(&self, topic: &TopicName) -> Option<Arc<TopicNames>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(topic).cloned()
    }

    fn add(&self, topic: &TopicName, names: &Arc<TopicNames>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            // Looking again costs one question each.
            known.clear();
        }
        known.insert(topic.clone(), Arc::clone(names));
    }

    pub(crate) fn forget(&self, topic: &TopicName) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(topic);
    }
}

/// A group as it was found or made.
#[derive(Debug)]
pub(crate) struct Ensured {
    pub(crate) names: GroupNames,
    pub(crate) is_new: bool,
}

impl Cluster {
    pub(crate) fn names(&self, topic: &TopicName) -> Result<TopicNames> {
        TopicNames::new(&self.link.config().namespace, topic)
    }

    /// The names of a topic that is there; it is made if it is not.
    pub(crate) async fn ensure_topic(&self, topic: &TopicName) -> Result<Arc<TopicNames>> {
        match self.known.get(topic) {
            Some(names) => Ok(names),
            // Boxed, as it is large and seldom needed.
            None => Box::pin(self.find_or_make_topic(topic)).await,
        }
    }

    async fn find_or_make_topic(&self, topic: &TopicName) -> Result<Arc<TopicNames>> {
        let names = Arc::new(self.names(topic)?);
        let found = self.link.find_topics([names.base(), &names.later]).await?;
        if found.len() < 2 {
            self.make_topic(&names, &self.link.config().topic).await?;
        }
        let kept = self.asked(|topic| topic.max_age);
        self.verify(&self.wanted_of(&names, kept)).await?;
        self.known.add(topic, &names);
        Ok(names)
    }

    /// Makes a topic. Returns whether there was none.
    pub(crate) async fn make_topic(
        &self,
        names: &TopicNames,
        config: &TopicConfig,
    ) -> Result<bool> {
        let main = i32::from(self.link.config().partitions);
        let each = names.all().map(|name| ToMake {
            name,
            partitions: if name == names.base() {
                main
            } else {
                main.min(SIDE)
            },
            keep: config.max_age,
        });
        let topics: Vec<ToMake<'_>> = each.collect();
        let made = self.link.make(&topics).await?;
        let all: Vec<&str> = names.all().collect();
        self.link.await_topics(&all).await?;
        self.link.await_all(&all).await;
        Ok(made.contains(&true))
    }

    /// The topics of Kafka's that make up one of ours.
    pub(crate) async fn find_topic(&self, topic: &TopicName) -> Result<(TopicNames, Topics)> {
        let names = self.names(topic)?;
        let found = confirmed(&self.link, || async {
            let found = self.link.find_topics(names.all()).await?;
            let is_there = found.contains_key(names.base());
            is_there.then_some(found).ok_or_else(|| no_topic(topic))
        });
        let found = found.await.inspect_err(|_| self.known.forget(topic))?;
        Ok((names, found))
    }

    pub(crate) async fn find_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
    ) -> Result<GroupNames> {
        let (names, _) = self.find_topic(topic).await?;
        confirmed(&self.link, || async {
            let found = self.group_of(&names, group).await?;
            found.ok_or_else(|| no_group(topic, group))
        })
        .await
    }

    async fn group_of(&self, topic: &TopicNames, group: &GroupName) -> Result<Option<GroupNames>> {
        for kind in Kind::ALL {
            let names = GroupNames::new(topic, group, kind)?;
            if !self.link.find_topics([&*names.retry]).await?.is_empty() {
                return Ok(Some(names));
            }
        }
        Ok(None)
    }

    /// Makes a group where there is none.
    pub(crate) async fn ensure_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        kind: Kind,
        start: &StartFrom,
    ) -> Result<Ensured> {
        let names = self.names(topic)?;
        GroupNames::new(&names, group, kind)?;
        let is_there = match start {
            // A topic that is not there holds no such message.
            StartFrom::Message(_) | StartFrom::After(_) => self.find_topic(topic).await.is_ok(),
            _ => true,
        };
        if !is_there {
            return Err(no_start(topic));
        }
        let topics = self.ensure_topic(topic).await?;
        if let Some(names) = self.group_of(&topics, group).await? {
            self.verify_group(topic, group, &names).await?;
            if self.group_here(topic, group).is_none() {
                self.await_start(&names).await?;
                // It may have been made just now: who subscribes where a topic is not known has nothing of it.
                self.link.await_all(&[&names.retry, &names.dead]).await;
            }
            return Ok(Ensured {
                names,
                is_new: false,
            });
        }
        // Found before the group is made, so that one that cannot begin is not made.
        let mut start = self.start(topic, &topics, start).await?;
        let names = GroupNames::new(&topics, group, kind)?;
        let wanted = [
            ToMake {
                name: &names.retry,
                partitions: retry::TIERS,
                keep: self.link.config().topic.max_age.max(retry::LONGEST_KEPT),
            },
            ToMake {
                name: &names.dead,
                partitions: 1,
                keep: self.link.config().topic.dead_letter_age,
            },
        ];
        let is_new = self.link.make(&wanted).await?[0];
        self.link.await_topics(&[&names.retry, &names.dead]).await?;
        if is_new {
            // Also where it begins at the beginning: a group of this name may have been before.
            let retry = (0..retry::TIERS).map(|tier| (names.retry.clone(), tier));
            let later = self.link.find_topics([&*topics.later]).await?;
            let others = retry.chain(crate::connection::partitions(&later));
            let none = Committed {
                offset: 0,
                metadata: marks::UNTOUCHED.to_owned(),
            };
            start.extend(others.map(|partition| (partition, none.clone())));
            // Before anything that may take its time: others wait for it, and not for ever.
            self.commit_start(&names, start).await?;
        }
        self.link.await_all(&[&names.retry, &names.dead]).await;
        self.verify_group(topic, group, &names).await?;
        Ok(Ensured { names, is_new })
    }

    /// Says where a new group begins.
    async fn commit_start(
        &self,
        names: &GroupNames,
        start: BTreeMap<(String, i32), Committed>,
    ) -> Result<()> {
        match settled(|| self.link.commit(&names.id, start.clone())).await {
            // It has members already, who do not wait for what took too long: they have begun.
            Err(e) if e.kind() == ErrorKind::Conflict => Ok(()),
            done => done,
        }
    }

    /// Waits until it is said where a group begins, which is the last that is done to make one. Of
    /// an old group nothing may be known any more: that one begins at the beginning.
    async fn await_start(&self, names: &GroupNames) -> Result<()> {
        let until = Instant::now() + STARTING;
        let first = vec![(names.retry.clone(), 0)];
        let mut pause = PAUSE;
        while Instant::now() < until {
            match self.link.committed(&names.id, first.clone()).await {
                Ok(found) if !found.is_empty() => break,
                Err(e) if !may_settle(&e) => return Err(e),
                // A coordinator that is about to be another, or busy, is asked again.
                Ok(_) | Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        Ok(())
    }

    /// One that this process takes part in was looked at before.
    async fn verify_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        names: &GroupNames,
    ) -> Result<()> {
        match self.group_here(topic, group) {
            Some(_) => Ok(()),
            None => self.verify(&self.wanted_of_group(names)).await,
        }
    }

    /// What a new group commits first.
    async fn start(
        &self,
        topic: &TopicName,
        names: &TopicNames,
        start: &StartFrom,
    ) -> Result<BTreeMap<(String, i32), Committed>> {
        let lanes = self
            .link
            .find_topics(names.lanes.iter().map(String::as_str))
            .await?;
        let lanes = crate::connection::partitions(&lanes);
        let at = |place| settled(move || self.link.offsets(lanes.clone(), place));
        let offsets = match start {
            StartFrom::Earliest => at(Place::Begin).await?,
            StartFrom::Latest => at(Place::End).await?,
            StartFrom::Time(time) => at(Place::Time(*time)).await?,
            StartFrom::Message(id) => {
                let found = self.find_message(topic, names, *id).await?;
                found.ok_or_else(|| no_start(topic))?
            }
            StartFrom::After(position) => self.offsets_after(topic, names, position).await?,
        };
        let each = offsets.into_iter().map(|(partition, offset)| {
            let metadata = marks::UNTOUCHED.to_owned();
            (partition, Committed { offset, metadata })
        });
        Ok(each.collect())
    }
}

pub(crate) fn no_start(topic: &TopicName) -> Error {
    Error::new(
        ErrorKind::NotFound,
        "the topic does not hold the message to start from",
    )
    .with("topic", topic)
}
