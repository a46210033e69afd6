//! Which topics the cluster has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use glmsg_core::{Error, ErrorKind, Result};
use glmsg_kafka_wire::Presence;
use rdkafka::metadata::Metadata;
use rdkafka::types::RDKafkaRespErr;
use tokio::runtime::Handle;

use super::{Link, blocking};
use crate::error::{from_code, from_kafka};

/// How long a cluster may take at least until all of it knows a new topic: a controller that makes
/// many takes one after the other.
pub(crate) const SETTLING: Duration = Duration::from_secs(15);

/// How many partitions topics have, by name.
pub(crate) type Topics = BTreeMap<String, i32>;

/// Partitions of topics.
pub(crate) type Partitions = Vec<(String, i32)>;

impl Link {
    /// All topics of the cluster.
    pub(crate) async fn all_topics(self: &Arc<Self>) -> Result<Topics> {
        let link = Arc::clone(self);
        blocking(move || link.look(None)).await
    }

    /// Those of these topics that there are.
    pub(crate) async fn find_topics<'a>(
        self: &Arc<Self>,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Topics> {
        let link = Arc::clone(self);
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let looking = move || {
            let mut found = Topics::new();
            for name in &names {
                found.extend(link.look(Some(name))?);
            }
            Ok(found)
        };
        blocking(looking).await
    }

    /// How many brokers there are, and the number of one.
    pub(crate) fn brokers(&self) -> Result<(usize, i32)> {
        let found = self.metadata(None)?;
        let first = found.brokers().first().map_or(-1, |broker| broker.id());
        Ok((found.brokers().len(), first))
    }

    /// Whether what one broker does not know another may.
    pub(crate) fn has_several_brokers(&self) -> bool {
        self.brokers.load(Relaxed) > 1
    }

    /// What the cluster says of itself and of this topic, or of all. Asks again until the time is
    /// over: a connection that was just lost comes back.
    pub(crate) fn metadata(&self, name: Option<&str>) -> Result<Metadata> {
        let client = self.client();
        let until = Instant::now() + self.config.timeout;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let error = match client.fetch_metadata(name, left) {
                Ok(found) => {
                    self.brokers.store(found.brokers().len(), Relaxed);
                    return Ok(found);
                }
                Err(error) => self.explain(from_kafka(&error, false)),
            };
            let pause = Duration::from_millis(100);
            if !error.is_transient() || Instant::now() + pause >= until {
                return Err(self.maybe_unheard(error));
            }
            std::thread::sleep(pause);
        }
    }

    /// The reason for a failure, if it is one of reaching a broker: the library keeps it to itself, and our
    /// own client tells it. Blocks.
    pub(crate) fn explain(&self, failure: Error) -> Error {
        if !matches!(failure.kind(), ErrorKind::Timeout | ErrorKind::Unavailable) {
            return failure;
        }
        let Ok(runtime) = Handle::try_current() else {
            return failure;
        };
        match runtime.block_on(self.wire.ask(&[])) {
            Err(reason) if !reason.is_transient() => reason,
            _ => failure,
        }
    }

    /// A broker closes a connection that lacks TLS or a login, and does not say why.
    fn maybe_unheard(&self, error: Error) -> Error {
        let is_bare = self.config.tls.is_none() || self.config.user.is_none();
        if error.is_transient() && is_bare {
            return error.remedy(
                "check that the cluster runs and can be reached; if its port wants TLS or a login, \
                 say so in the URL: kafka://USER:PASSWORD@HOST:PORT?tls=true&sasl=…",
            );
        }
        error
    }

    fn look(&self, name: Option<&str>) -> Result<Topics> {
        let found = self.metadata(name)?;
        let mut topics = Topics::new();
        for topic in found.topics() {
            match topic.error() {
                None => {
                    let partitions = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
                    topics.insert(topic.name().to_owned(), partitions);
                }
                // Its leaders are being chosen.
                Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) => {}
                Some(
                    RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                    | RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
                ) => {}
                Some(error) if name.is_some() => return Err(from_code(error.into(), false)),
                Some(_) => {}
            }
        }
        Ok(topics)
    }

    /// How many processes take part in a consumer group.
    pub(crate) async fn count_members(self: &Arc<Self>, id: &str) -> Result<u64> {
        let (link, id) = (Arc::clone(self), id.to_owned());
        blocking(move || {
            let client = link.client();
            let found = client.fetch_group_list(Some(&id), link.config.timeout);
            let found = found.map_err(|e| from_kafka(&e, false))?;
            let members = found
                .groups()
                .iter()
                .map(|group| group.members().len() as u64);
            Ok(members.sum())
        })
        .await
    }

    /// Waits until a broker that is asked knows new topics: just after they are made it may not.
    pub(crate) async fn await_topics(self: &Arc<Self>, names: &[&str]) -> Result<Topics> {
        let until = tokio::time::Instant::now() + self.config.timeout.max(SETTLING);
        let (mut found, mut pause) = (Topics::new(), Duration::from_millis(5));
        loop {
            let missing = names
                .iter()
                .copied()
                .filter(|name| !found.contains_key(*name));
            let missing: Vec<&str> = missing.collect();
            found.extend(self.find_topics(missing).await?);
            if found.len() == names.len() {
                return Ok(found);
            }
            if tokio::time::Instant::now() > until {
                return Err(Error::new(
                    ErrorKind::Timeout,
                    "the cluster does not know topics that it has just made",
                )
                .remedy("see whether its brokers and their controller are well"));
            }
            tokio::time::sleep(pause).await;
            // A cluster that takes long is busy: to ask it ever so often would keep it so.
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }
}

impl Link {
    /// Waits until topics that were deleted are no longer shown: a busy broker shows them for a
    /// moment. After the time-out they may still be; they are deleted all the same.
    pub(super) async fn await_gone(self: &Arc<Self>, names: &[&str]) -> Result<()> {
        let until = tokio::time::Instant::now() + self.config.timeout;
        let mut left: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut pause = Duration::from_millis(5);
        loop {
            let found = self.find_topics(left.iter().map(String::as_str)).await?;
            if found.is_empty() {
                self.agree(names, Presence::Gone, until).await;
                return Ok(());
            }
            if tokio::time::Instant::now() > until {
                return Ok(());
            }
            left = found.into_keys().collect();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }
}

impl Link {
    /// Waits until all brokers know topics that are there.
    pub(crate) async fn await_all(&self, names: &[&str]) {
        let until = tokio::time::Instant::now() + self.config.timeout.max(SETTLING);
        self.agree(names, Presence::There, until).await;
    }

    /// Waits until all brokers agree on topics, if there are several. One that takes too long is not
    /// waited for: whoever is told something else by it asks again for a while.
    async fn agree(&self, names: &[&str], presence: Presence, until: tokio::time::Instant) {
        if !self.has_several_brokers() {
            return;
        }
        let left = until.saturating_duration_since(tokio::time::Instant::now());
        match self.wire.agree(names, presence, left).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(?names, ?presence, "not all brokers say so of these topics");
            }
            Err(error) => tracing::debug!(%error, "the brokers could not be asked each"),
        }
    }
}

/// All partitions of topics.
pub(crate) fn partitions(topics: &Topics) -> Partitions {
    let each = topics
        .iter()
        .flat_map(|(name, count)| (0..*count).map(move |partition| (name.clone(), partition)));
    each.collect()
}
