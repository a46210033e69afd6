//! What all brokers of this process that are opened with the same settings share: the clients, and
//! the groups it takes part in.
//!
//! A partition is read by one member of a group. Two brokers of one process would shut each other
//! out of it, and each client has threads and connections of its own.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use glmsg_broker::SubscribeOptions;
use glmsg_core::{GroupName, Result, TopicName};

use crate::KafkaConfig;
use crate::connection::{Link, apart, blocking};
use crate::encode::Encoder;
use crate::group::{Group, Membership};
use crate::names::{Kind, TopicNames};
use crate::storage::Store;
use crate::subscriber::other_kind;
use crate::topology::Known;

/// The clusters that are open.
static OPEN: Mutex<Vec<Weak<Cluster>>> = Mutex::new(Vec::new());

/// A cluster as this process uses it.
pub(crate) struct Cluster {
    pub(crate) link: Arc<Link>,
    pub(crate) encoder: Encoder,
    pub(crate) known: Known,
    pub(crate) changing_letters: tokio::sync::Mutex<()>,
    /// Logs and values, since they were first asked for.
    pub(crate) store: tokio::sync::OnceCell<Store>,
    groups: Mutex<HashMap<GroupKey, Arc<Group>>>,
    /// Who joins a group at a time, by group.
    joining: Mutex<HashMap<GroupKey, Weak<tokio::sync::Mutex<()>>>>,
}

type GroupKey = (TopicName, GroupName);

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    pub(crate) async fn open(config: KafkaConfig) -> Result<Arc<Self>> {
        if let Some(open) = Self::find(&config) {
            // It may have gone down since.
            open.link.all_topics().await?;
            return Ok(open);
        }
        let made = blocking(move || Link::new(config)).await?;
        let link = Arc::new(made);
        // Finds out now whether anybody answers.
        link.all_topics().await?;
        let cluster = Arc::new(Self {
            encoder: Encoder::new(link.config()),
            link,
            known: Known::default(),
            changing_letters: tokio::sync::Mutex::new(()),
            store: tokio::sync::OnceCell::new(),
            groups: Mutex::default(),
            joining: Mutex::default(),
        });
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|cluster| cluster.strong_count() > 0);
        open.push(Arc::downgrade(&cluster));
        Ok(cluster)
    }

    fn find(config: &KafkaConfig) -> Option<Arc<Self>> {
        let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut alive = open.iter().filter_map(Weak::upgrade);
        alive.find(|cluster| cluster.link.config() == config)
    }

    /// A group that this process takes part in.
    pub(crate) fn group_here(&self, topic: &TopicName, group: &GroupName) -> Option<Arc<Group>> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let found = groups.get(&(topic.clone(), group.clone())).cloned();
        found.filter(|group| !*group.ended.borrow())
    }

    /// The groups of a topic that this process takes part in.
    fn groups_here(&self, topic: &TopicName) -> Vec<Arc<Group>> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let of_topic = groups.iter().filter(|((of, _), _)| of == topic);
        of_topic.map(|(_, group)| Arc::clone(group)).collect()
    }

    /// Whether this process takes part in any group of a topic.
    pub(crate) fn is_read_here(&self, names: &TopicNames) -> bool {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = groups.values();
        all.any(|group| *group.topics == *names && !*group.ended.borrow())
    }

    /// Tells groups of a topic that are here of a message that they will read.
    pub(crate) fn tell(
        &self,
        topic: &TopicName,
        place: (&str, i32),
        offset: i64,
        lane: (usize, bool),
    ) {
        for group in self.groups_here(topic) {
            let now = group.now();
            group.inbox().expect(place, offset, lane, now);
        }
    }

    /// All groups that this process takes part in.
    pub(crate) fn all_groups_here(&self) -> Vec<Arc<Group>> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = groups.values().filter(|group| !*group.ended.borrow());
        alive.cloned().collect()
    }

    /// Where those wait who join a group.
    fn turns(&self, topic: &TopicName, group: &GroupName) -> Arc<tokio::sync::Mutex<()>> {
        let mut joining = self.joining.lock().unwrap_or_else(PoisonError::into_inner);
        joining.retain(|_, turns| turns.strong_count() > 0);
        let key = (topic.clone(), group.clone());
        if let Some(turns) = joining.get(&key).and_then(Weak::upgrade) {
            return turns;
        }
        let turns = Arc::default();
        joining.insert(key, Arc::downgrade(&turns));
        turns
    }

    /// Takes part in a group as one more source.
    pub(crate) async fn join_group(
        self: &Arc<Self>,
        options: &SubscribeOptions,
    ) -> Result<Membership> {
        let (cluster, options) = (Arc::clone(self), options.clone());
        apart(async move { cluster.join_in_turn(&options).await }).await
    }

    async fn join_in_turn(&self, options: &SubscribeOptions) -> Result<Membership> {
        let (topic, group) = (&options.topic, &options.group);
        // One at a time, so that there is one reader for each group.
        let turns = self.turns(topic, group);
        let _turn = turns.lock().await;
        let kind = Kind::Leased(options.config.ordering);
        let start = &options.config.start;
        let ensured = self.ensure_group(topic, group, kind, start).await?;
        if ensured.names.kind != kind {
            return Err(other_kind(ensured.names.kind)
                .with("topic", topic)
                .with("group", group));
        }
        if let Some(here) = self.group_here(topic, group) {
            if here.join() {
                return Ok(Membership(here));
            }
            here.await_end().await;
        }
        let topics = self.ensure_topic(topic).await?;
        let made = Group::begin(&self.link, (topic, topics), (group, ensured.names))?;
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, group| !*group.ended.borrow());
        groups.insert((topic.clone(), group.clone()), Arc::clone(&made));
        Ok(Membership(made))
    }

    /// Waits until everything that is done is committed, and groups that nobody takes part in any
    /// more are left: a process that ends before is missed by the others, and not before its session
    /// is over. What cannot be committed comes again.
    pub(crate) async fn commit_all(&self) {
        let groups: Vec<Arc<Group>> = {
            let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            groups.values().cloned().collect()
        };
        // All at once, so that the time-out is that of all.
        let mut settling = tokio::task::JoinSet::new();
        for group in groups {
            let timeout = self.link.config().timeout;
            settling.spawn(async move {
                let done = tokio::time::timeout(timeout, group.settle()).await;
                if !matches!(done, Ok(Ok(()))) {
                    tracing::debug!(?group, "not all that is done is committed: it comes again");
                }
            });
        }
        while settling.join_next().await.is_some() {}
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let groups = self
            .groups
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for group in groups.values() {
            group.close();
        }
    }
}
