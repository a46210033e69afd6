//! The broker: everything but receiving and settling.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_broker::{
    Backend, BrokerMetrics, Capability, DeadLetterQuery, DeadLetterSelector, Durability, Finding,
    GroupConfig, GroupInfo, Health, Lag, LiveOptions, LiveReceiver, MemberInfo, NoStorage,
    Observer, Ordering, Page, PageToken, Published, ReplayQuery, Stored, SubscribeOptions,
    TopicConfig, TopicInfo,
};
use glmsg_core::{
    Clock, DeadLetter, Error, ErrorKind, GroupName, Message, Result, SystemClock, TopicName,
};
use tokio::sync::Notify;

use crate::source::ShelfSource;
use crate::store::{MAX_PAYLOAD, Store, is_selected};

/// A broker in a vector.
#[derive(Clone, Default)]
pub struct ShelfBroker {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Default)]
pub(crate) struct Shared {
    store: Mutex<Store>,
    /// Wakes everybody who waits in `recv`, after every change.
    pub(crate) changed: Notify,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One atomic step on the open store.
    pub(crate) fn with<T>(&self, step: impl FnOnce(&mut Store) -> Result<T>) -> Result<T> {
        let mut store = self.lock();
        store.check_open()?;
        let done = step(&mut store);
        drop(store);
        self.changed.notify_waiters();
        done
    }
}

fn unsupported<T>(what: &str) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, what))
}

impl Backend for ShelfBroker {
    type Source = ShelfSource;
    type Live = LiveReceiver;
    type Storage = NoStorage;

    fn name(&self) -> &'static str {
        "shelf"
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::all(Durability::Volatile);
        capability.max_payload = MAX_PAYLOAD;
        // Take a line away when the backend can do it.
        capability.multi_process = false;
        capability.priorities = false;
        capability.scheduling = false;
        capability.per_key_order = false;
        capability.idempotent_publish = false;
        capability.replay = false;
        capability.ttl = false;
        capability.retention = false;
        capability.members = false;
        capability.frames = false;
        capability.live = false;
        capability.storage = false;
        capability
    }

    fn metrics(&self) -> Option<BrokerMetrics> {
        None
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }

    async fn publish(&self, messages: &[Message]) -> Result<Vec<Published>> {
        let now = SystemClock.now();
        self.shared
            .with(|store| Ok(messages.iter().map(|m| store.publish(m, now)).collect()))
    }

    async fn subscribe(&self, options: &SubscribeOptions) -> Result<ShelfSource> {
        options.check()?;
        if options.config.ordering != Ordering::None {
            return unsupported("this backend has no order by key");
        }
        let (topic, group) = (&options.topic, &options.group);
        let number = self.shared.with(|store| {
            if store.group(topic, group).is_err() {
                store.create_group(topic, group, &options.config, SystemClock.now())?;
            }
            Ok(store.group(topic, group)?.number)
        })?;
        Ok(ShelfSource::new(self.shared.clone(), options, number))
    }

    async fn create_topic(&self, topic: &TopicName, config: &TopicConfig) -> Result<()> {
        config.check()?;
        if *config != TopicConfig::default() {
            return unsupported("this backend has no retention");
        }
        self.shared.with(|store| {
            store.topics.entry(topic.clone()).or_default();
            Ok(())
        })
    }

    async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        self.shared.with(|store| {
            store.topic(topic)?;
            store.topics.remove(topic);
            Ok(())
        })
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        self.shared.with(|store| {
            let info = |(name, topic): (&TopicName, &crate::store::Topic)| TopicInfo {
                name: name.clone(),
                messages: topic.messages.len() as u64,
                scheduled: 0,
                groups: topic.groups.len() as u64,
                dead_letters: topic.groups.values().map(|g| g.dead.len() as u64).sum(),
                config: TopicConfig::default(),
            };
            Ok(store.topics.iter().map(info).collect())
        })
    }

    async fn create_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        config: &GroupConfig,
    ) -> Result<()> {
        if config.ordering != Ordering::None {
            return unsupported("this backend has no order by key");
        }
        self.shared.with(|store| {
            if store.group(topic, group).is_ok() {
                let taken = Error::new(ErrorKind::AlreadyExists, "the group exists");
                return Err(taken.with("group", group));
            }
            store.create_group(topic, group, config, SystemClock.now())
        })
    }

    async fn delete_group(&self, topic: &TopicName, group: &GroupName) -> Result<()> {
        self.shared.with(|store| {
            store.group(topic, group)?;
            store.topic(topic)?.groups.remove(group);
            Ok(())
        })
    }

    async fn groups(&self, topic: &TopicName) -> Result<Vec<GroupInfo>> {
        self.shared.with(|store| {
            let groups = store.topic(topic)?.groups.iter();
            let info = groups.map(|(name, group)| GroupInfo {
                topic: topic.clone(),
                name: name.clone(),
                ordering: Ordering::None,
                members: 0,
                created_at: group.created_at,
            });
            Ok(info.collect())
        })
    }

    async fn members(&self, _topic: &TopicName, _group: &GroupName) -> Result<Vec<MemberInfo>> {
        unsupported("this backend does not know its members")
    }

    async fn lag(&self, topic: &TopicName, group: &GroupName) -> Result<Lag> {
        self.shared.with(|store| {
            store.group(topic, group)?;
            let topic = store.topic(topic)?;
            Ok(topic.groups[group].lag(&topic.messages, SystemClock.now()))
        })
    }

    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Page<DeadLetter>> {
        // The token is how many were passed over; purging in between may shift a page.
        let passed = query.after.as_ref().and_then(|token| token.0.parse().ok());
        let passed: usize = passed.unwrap_or(0);
        self.shared.with(|store| {
            let dead = store.group(&query.topic, &query.group)?.dead.iter();
            let selected = dead.filter(|(_, dead)| is_selected(&query.selector, dead));
            let mut rest = selected.skip(passed);
            let items: Vec<_> = rest
                .by_ref()
                .take(query.limit)
                .map(|(_, d)| d.clone())
                .collect();
            let passed = passed + items.len();
            let next = rest.next().map(|_| PageToken(passed.to_string()));
            Ok(Page { items, next })
        })
    }

    async fn redrive(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        let now = SystemClock.now();
        self.shared
            .with(|store| Ok(store.group(topic, group)?.exhume(which, Some(now))))
    }

    async fn purge(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> Result<u64> {
        self.shared
            .with(|store| Ok(store.group(topic, group)?.exhume(which, None)))
    }

    async fn replay(&self, _query: &ReplayQuery) -> Result<Vec<Stored>> {
        unsupported("this backend has no replay")
    }

    async fn announce(&self, _messages: &[Message]) -> Result<()> {
        unsupported("this backend has no live subscriptions")
    }

    async fn listen(&self, _options: &LiveOptions) -> Result<LiveReceiver> {
        unsupported("this backend has no live subscriptions")
    }

    async fn storage(&self) -> Result<NoStorage> {
        Err(NoStorage::unsupported(Backend::name(self)))
    }

    async fn health(&self) -> Health {
        match self.shared.lock().check_open() {
            Ok(()) => Health::healthy(Duration::ZERO),
            Err(closed) => Health::unhealthy(Duration::ZERO, closed.to_string()),
        }
    }

    async fn doctor(&self) -> Result<Vec<Finding>> {
        self.shared.lock().check_open()?;
        // Nothing is underneath; this is what its user should know.
        Ok(vec![Finding::warning(
            "durability",
            "what it holds ends with this process",
            "use it where that does not matter",
        )])
    }

    async fn close(&self) -> Result<()> {
        self.shared.lock().closed = true;
        self.shared.changed.notify_waiters();
        Ok(())
    }
}
