//! A consumer for each topic that is wanted, while topics come and go.

mod tally;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use glmsg_broker::{
    Broker, CancellationToken, ConsumerHandle, LiveOptions, LiveSubscription, StartFrom,
};
use glmsg_core::{Error, ErrorKind, Result, TopicName};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

pub(crate) use tally::Tally;

use crate::hint;

/// What makes the consumers of a fleet.
pub(crate) trait Outfit: Send + Sync + 'static {
    /// Whether a topic is one of the fleet's.
    fn wants(&self, topic: &TopicName) -> bool;

    /// Where new groups of topics begin that are there when the fleet starts. Asked after they
    /// were listed; later ones begin with their first message.
    fn existing(&self) -> impl Future<Output = Result<StartFrom>> + Send;

    /// Starts the consumer of a topic; a group that is new begins at `from`. It drains when the
    /// fleet does.
    fn start(
        &self,
        topic: TopicName,
        from: StartFrom,
    ) -> impl Future<Output = Result<ConsumerHandle>> + Send;

    /// The consumer of a topic has ended.
    fn ended(&self, topic: &TopicName);
}

/// How a fleet looks for topics.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// How often the topics are listed.
    pub(crate) every: Duration,
    /// What hints are listened to.
    pub(crate) hints: LiveOptions,
    /// Topics that are there from the beginning, whether or not they are listed.
    pub(crate) always: Vec<TopicName>,
}

/// Consumers of many topics.
#[derive(Debug)]
pub(crate) struct Fleet {
    shared: Arc<Shared>,
    /// `None` once its end was told.
    watch: Option<JoinHandle<Result<()>>>,
}

#[derive(Debug)]
struct Shared {
    running: Mutex<Running>,
    draining: CancellationToken,
}

#[derive(Debug, Default)]
struct Running {
    consumers: BTreeMap<TopicName, ConsumerHandle>,
    /// What those did that have ended.
    past: Tally,
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The consumers that have ended by themselves.
    fn take_ended(&self) -> Vec<(TopicName, ConsumerHandle)> {
        let consumers = &mut self.running().consumers;
        let ended = consumers.iter().filter(|(_, c)| !c.is_running());
        let ended: Vec<_> = ended.map(|(topic, _)| topic.clone()).collect();
        let take = |topic| consumers.remove_entry(&topic);
        ended.into_iter().filter_map(take).collect()
    }
}

impl Fleet {
    /// Starts a consumer for every wanted topic there is, and goes on to look for more. When this
    /// returns, the groups of the topics that are there exist.
    ///
    /// # Errors
    /// What kept a consumer from starting, or the topics from being listed.
    pub(crate) async fn launch<O: Outfit>(
        broker: Arc<dyn Broker>,
        outfit: Arc<O>,
        search: Search,
        draining: CancellationToken,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            running: Mutex::default(),
            draining,
        });
        // Drops what has begun, and so drains it, if this fails.
        let mut fleet = Self {
            shared: shared.clone(),
            watch: None,
        };
        // Before the first look, so that no topic comes unseen between the two.
        let hints = hint::listen(&broker, &search.hints).await;
        let mut watch = Watch {
            broker,
            outfit,
            shared,
            starting: JoinSet::new(),
            under_way: Vec::new(),
            troubled: BTreeMap::new(),
        };
        let mut topics = watch.wanted().await?;
        topics.extend(search.always.iter().cloned());
        let from = watch.outfit.existing().await?;
        watch.start_all(topics, &from);
        while let Some(started) = watch.starting.join_next().await {
            watch.begun(started)?;
        }
        fleet.watch = Some(tokio::spawn(watch.run(search.every, hints)));
        Ok(fleet)
    }

    /// The topics that have a consumer, by name.
    pub(crate) fn topics(&self) -> Vec<TopicName> {
        self.shared.running().consumers.keys().cloned().collect()
    }

    /// What all consumers have done and are doing.
    pub(crate) fn tally(&self) -> Tally {
        let running = self.shared.running();
        let mut tally = running.past;
        for consumer in running.consumers.values() {
            tally.add(&consumer.stats());
        }
        tally
    }

    /// Changes the number of workers of every consumer, to what its topic is to have.
    pub(crate) fn set_workers(&self, workers: impl Fn(&TopicName) -> usize) -> Result<()> {
        let running = self.shared.running();
        let mut consumers = running.consumers.iter();
        consumers.try_for_each(|(topic, consumer)| consumer.set_workers(workers(topic)))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.watch.as_ref().is_some_and(|task| !task.is_finished())
    }

    /// Waits until all consumers have ended. What ended them is told once.
    pub(crate) async fn ended(&mut self) -> Result<()> {
        let Some(watch) = &mut self.watch else {
            return Ok(());
        };
        let ended = watch.await;
        self.watch = None;
        ended.map_err(|e| {
            Error::new(ErrorKind::Unexpected, "the task that looks for topics died").source(e)
        })?
    }

    /// Drains all consumers at the same time.
    pub(crate) async fn shutdown(&mut self) -> Result<()> {
        self.shared.draining.cancel();
        self.ended().await
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.shared.draining.cancel();
    }
}

type Begun = (TopicName, Result<ConsumerHandle>);

/// The task that looks for topics.
struct Watch<O> {
    broker: Arc<dyn Broker>,
    outfit: Arc<O>,
    shared: Arc<Shared>,
    starting: JoinSet<Begun>,
    /// The topics whose consumers are starting.
    under_way: Vec<TopicName>,
    /// What the last try on a topic failed with, so that it is told once.
    troubled: BTreeMap<TopicName, ErrorKind>,
}

impl<O: Outfit> Watch<O> {
    async fn run(mut self, every: Duration, mut hints: Option<LiveSubscription>) -> Result<()> {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once, and was the launch.
        ticks.tick().await;
        let draining = self.shared.draining.clone();
        let ending = loop {
            tokio::select! {
                biased;
                () = draining.cancelled() => break Ok(()),
                Some(begun) = self.starting.join_next() => {
                    if let Err(error) = self.begun(begun)
                        && error.kind() == ErrorKind::Closed
                    {
                        break Err(error);
                    }
                    continue;
                }
                _ = ticks.tick() => {}
                () = hint::heard(&mut hints) => {}
            }
            if let Err(error) = self.bury_ended().await {
                break Err(error);
            }
            let wanted = tokio::select! {
                biased;
                () = draining.cancelled() => break Ok(()),
                wanted = self.wanted() => wanted,
            };
            match wanted {
                Ok(topics) => self.start_all(topics, &StartFrom::Earliest),
                Err(error) if error.kind() == ErrorKind::Closed => break Err(error),
                Err(error) => tracing::warn!(%error, "topics could not be listed; trying again"),
            }
        };
        self.drain().await.and(ending)
    }

    /// The wanted topics there are, without those that have a consumer.
    async fn wanted(&self) -> Result<Vec<TopicName>> {
        let mut names = self.broker.topic_names().await?;
        names.retain(|name| self.outfit.wants(name));
        Ok(names)
    }

    /// Starts what has no consumer yet, all at the same time.
    fn start_all(&mut self, topics: Vec<TopicName>, from: &StartFrom) {
        for topic in topics {
            let is_known = self.under_way.contains(&topic)
                || self.shared.running().consumers.contains_key(&topic);
            if is_known {
                continue;
            }
            self.under_way.push(topic.clone());
            let (outfit, from) = (self.outfit.clone(), from.clone());
            self.starting.spawn(async move {
                let started = outfit.start(topic.clone(), from).await;
                (topic, started)
            });
        }
    }

    fn begun(&mut self, begun: std::result::Result<Begun, tokio::task::JoinError>) -> Result<()> {
        let (topic, started) = begun.map_err(|e| {
            Error::new(ErrorKind::Unexpected, "a consumer could not be started").source(e)
        })?;
        self.under_way.retain(|other| *other != topic);
        match started {
            Ok(consumer) => {
                self.troubled.remove(&topic);
                tracing::debug!(%topic, "a topic is consumed");
                self.shared.running().consumers.insert(topic, consumer);
                Ok(())
            }
            Err(error) => {
                let known = self.troubled.insert(topic.clone(), error.kind());
                if known != Some(error.kind()) {
                    tracing::warn!(%topic, %error, "a topic cannot be consumed; trying again");
                }
                Err(error.with("topic", topic))
            }
        }
    }

    /// Takes leave of consumers that have ended: those of deleted topics; any other end but that
    /// of the broker is tried anew.
    async fn bury_ended(&mut self) -> Result<()> {
        for (topic, mut consumer) in self.shared.take_ended() {
            let ended = consumer.ended().await;
            self.shared.running().past.add(&consumer.stats());
            self.outfit.ended(&topic);
            match ended {
                Err(error) if error.kind() == ErrorKind::Closed => return Err(error),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    tracing::debug!(%topic, "a topic is gone, or its group");
                }
                Err(error) => tracing::error!(%topic, %error, "a consumer ended; trying again"),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    async fn drain(&mut self) -> Result<()> {
        self.starting.abort_all();
        while let Some(begun) = self.starting.join_next().await {
            if let Ok((topic, Ok(consumer))) = begun {
                self.shared.running().consumers.insert(topic, consumer);
            }
        }
        let mut failed = Ok(());
        // They have heard that they are to drain. They stay where they are, for who counts.
        poll_fn(|cx| {
            let mut is_pending = false;
            for consumer in self.shared.running().consumers.values_mut() {
                match pin!(consumer.ended()).poll(cx) {
                    Poll::Pending => is_pending = true,
                    // Told once; from then on it is its report.
                    Poll::Ready(Err(error))
                        if failed.is_ok() && error.kind() != ErrorKind::NotFound =>
                    {
                        failed = Err(error);
                    }
                    Poll::Ready(_) => {}
                }
            }
            match is_pending {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        })
        .await;
        let mut running = self.shared.running();
        for (_, consumer) in std::mem::take(&mut running.consumers) {
            running.past.add(&consumer.stats());
        }
        drop(running);
        failed
    }
}
