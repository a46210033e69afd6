//! The contract that a backend's author implements.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{DeadLetter, GroupName, History, Message, Result, TopicName};

use crate::{
    BrokerMetrics, Capability, DeadLetterQuery, DeadLetterSelector, Finding, GroupConfig,
    GroupInfo, Health, Lag, LiveOptions, LiveSource, MemberInfo, Nack, Observer, Page, Published,
    ReplayQuery, Settled, Storage, Stored, SubscribeOptions, Token, TopicConfig, TopicInfo,
};

/// One delivery as a backend hands it out.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// The handle to settle it by.
    pub token: Token,
    /// Which delivery of this message to this group it is, from 1. Every delivery counts, also one
    /// that ended with its process; only a released one does not.
    pub attempt: u32,
    /// How the attempts before ended, oldest first; at most ten.
    pub history: History,
}

/// What happened while receiving, besides the deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Intake {
    /// Messages found past their time to live; they are dead letters now.
    pub expired: u64,
    /// Messages dead-lettered because their attempts were used up or their bytes are no message.
    pub dead_lettered: u64,
    /// Those of `dead_lettered` whose bytes are no message.
    pub undecodable: u64,
}

/// A store of topics and groups: what a backend's author implements. Users hold an
/// [`Arc<dyn Broker>`](crate::Broker), which every backend is.
///
/// All methods may be called at the same time from many tasks. Write them as `async fn`.
/// Names are validated before they get here. There are no default bodies, so that a layer cannot
/// forget one.
pub trait Backend: Send + Sync + 'static {
    /// What [`subscribe`](Self::subscribe) gives.
    type Source: Source;

    /// What [`listen`](Self::listen) gives: a [`LiveReceiver`](crate::LiveReceiver), unless it is a
    /// layer's own.
    type Live: LiveSource;

    /// What [`storage`](Self::storage) gives; [`NoStorage`](crate::NoStorage) where it has none.
    type Storage: Storage;

    /// The scheme in URLs: `memory`, `sqlite`, …
    fn name(&self) -> &'static str;

    /// What it can do.
    fn capability(&self) -> Capability;

    /// Counters, where something counts; a plain backend has none, the metrics layer has.
    fn metrics(&self) -> Option<BrokerMetrics>;

    /// Who sees the attempts of this broker's consumers; a plain backend has nobody, the tracing
    /// layer has.
    fn observer(&self) -> Option<Arc<dyn Observer>>;

    /// Stores messages, of one topic or of several.
    ///
    /// # Behavior
    /// - One outcome for each message, in their order. Earlier messages of a call stand before
    ///   later ones of the same topic and priority.
    /// - `Stored` means stored at the declared durability, and handed to every group of the topic.
    /// - A message whose id the topic holds already is a `Duplicate` and changes nothing.
    /// - A topic that does not exist is created with defaults.
    /// - A payload over the limit is `Rejected` with `TooLarge`; the others of the call are not
    ///   affected.
    /// - A full topic first drops what every group has acked and retention does not keep, then
    ///   answers `Full`, or drops the oldest where it is set up so.
    /// - A scheduled message is delivered to no group before it is due, and survives a restart.
    ///
    /// # Errors
    /// An error as a whole means that none of the messages is stored, unless its kind is
    /// `Indeterminate`.
    fn publish(&self, messages: &[Message]) -> impl Future<Output = Result<Vec<Published>>> + Send;

    /// Joins a group, creating topic and group where needed.
    ///
    /// # Errors
    /// `InvalidArgument` from [`SubscribeOptions::check`], `Conflict` if the group has another
    /// ordering, `NotFound` if the group would start from a message the topic does not hold.
    fn subscribe(
        &self,
        options: &SubscribeOptions,
    ) -> impl Future<Output = Result<Self::Source>> + Send;

    /// Creates a topic, or changes the bounds of an existing one.
    ///
    /// # Errors
    /// `ConfigInvalid` from [`TopicConfig::check`]; `Unsupported` for frames or bounds that the
    /// backend does not declare.
    fn create_topic(
        &self,
        topic: &TopicName,
        config: &TopicConfig,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a topic with its messages, groups and dead letters. Its subscriptions end with
    /// `NotFound`.
    ///
    /// # Errors
    /// `NotFound`.
    fn delete_topic(&self, topic: &TopicName) -> impl Future<Output = Result<()>> + Send;

    /// All topics, by name.
    ///
    /// # Errors
    /// Of the connection or store.
    fn topics(&self) -> impl Future<Output = Result<Vec<TopicInfo>>> + Send;

    /// The names of all topics, in their order. Of [`topics`](Self::topics) unless a backend knows
    /// them for less: what looks for new topics asks for them over and over. One that is being made
    /// or deleted may be among them.
    ///
    /// # Errors
    /// Of the connection or store.
    fn topic_names(&self) -> impl Future<Output = Result<Vec<TopicName>>> + Send {
        async move {
            let topics = self.topics().await?;
            Ok(topics.into_iter().map(|topic| topic.name).collect())
        }
    }

    /// Creates a group, and its topic where needed.
    ///
    /// # Errors
    /// `AlreadyExists`; `NotFound` if it would start from a message the topic does not hold.
    fn create_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
        config: &GroupConfig,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a group with what it has pending and its dead letters. Its subscriptions end with
    /// `NotFound`.
    ///
    /// # Errors
    /// `NotFound`.
    fn delete_group(
        &self,
        topic: &TopicName,
        group: &GroupName,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The groups of a topic, by name.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic.
    fn groups(&self, topic: &TopicName) -> impl Future<Output = Result<Vec<GroupInfo>>> + Send;

    /// The members of a group, by name.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic or group.
    fn members(
        &self,
        topic: &TopicName,
        group: &GroupName,
    ) -> impl Future<Output = Result<Vec<MemberInfo>>> + Send;

    /// How far a group is behind. Counts are exact at some moment during the call.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic or group.
    fn lag(&self, topic: &TopicName, group: &GroupName)
    -> impl Future<Output = Result<Lag>> + Send;

    /// Lists dead letters, oldest first.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic or group.
    fn dead_letters(
        &self,
        query: &DeadLetterQuery,
    ) -> impl Future<Output = Result<Page<DeadLetter>>> + Send;

    /// Gives dead letters back to their group, and to no other, with attempts counted from zero.
    /// Returns how many.
    ///
    /// # Behavior
    /// - A dead letter is deleted only together with, or after, its return to the group.
    /// - Of several callers exactly one redrives each dead letter.
    /// - Its time to live counts anew. Bytes that are no message stay dead letters.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic or group.
    fn redrive(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Deletes dead letters. Returns how many.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic or group.
    fn purge(
        &self,
        topic: &TopicName,
        group: &GroupName,
        which: &DeadLetterSelector,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Reads stored messages in the order they were stored, whoever has acked them. The page's
    /// last position is where to go on; a page with no items is the end for now.
    ///
    /// # Errors
    /// `NotFound` if there is no such topic, or no such message to start from; `Unsupported`.
    fn replay(&self, query: &ReplayQuery) -> impl Future<Output = Result<Vec<Stored>>> + Send;

    /// Tells of messages to whoever listens to their topics now. Stores nothing: a topic is not
    /// made by it, no group gets the messages, and who does not listen yet never hears of them.
    /// [`publish`](Self::publish) announces nothing; see
    /// [`BrokerExt::publish_and_announce`](crate::BrokerExt::publish_and_announce).
    ///
    /// # Behavior
    /// - Everybody whose [`listen`](Self::listen) has returned and whose pattern matches hears each
    ///   message at most once for each announcement, in the order of the call.
    /// - Nobody is waited for: a listener that is slow or cut off misses it, and is told so.
    /// - It is announced now, whatever the message says about schedule, priority and time to live.
    ///
    /// # Errors
    /// `TooLarge` if a payload is over the limit; then none of the call was announced.
    /// `Unavailable` if it could not be announced, `Indeterminate` if it may have been. `Closed`,
    /// `Unsupported`.
    fn announce(&self, messages: &[Message]) -> impl Future<Output = Result<()>> + Send;

    /// Begins to listen to what is announced. It listens when this returns. Topics need not exist,
    /// and those that come later are listened to.
    ///
    /// # Errors
    /// `InvalidArgument` from [`LiveOptions::check`], `Unavailable`, `PermissionDenied`, `Closed`,
    /// `Unsupported`.
    fn listen(&self, options: &LiveOptions) -> impl Future<Output = Result<Self::Live>> + Send;

    /// The logs and values kept beside the topics. Cheap; patterns call it once.
    ///
    /// # Errors
    /// `Closed`, and those of the connection; `Unsupported`.
    fn storage(&self) -> impl Future<Output = Result<Self::Storage>> + Send;

    /// Probes whether messages can be stored and received now. Answers within 5 s.
    fn health(&self) -> impl Future<Output = Health> + Send;

    /// Looks how what is underneath is set up: whether it keeps what it says, has room, and knows
    /// the time.
    ///
    /// # Behavior
    /// - Nothing is changed, and no message is touched.
    /// - Everything that was looked at has a finding, also what is as it should be. What does not
    ///   let itself be looked at is a warning.
    /// - A finding that is not `Ok` says what to do about it. `Problem` is what can lose messages or
    ///   keeps something from working: a broker that is set up well has none.
    ///
    /// # Errors
    /// `Closed`, and those of the connection or store: what does not answer has no findings.
    fn doctor(&self) -> impl Future<Output = Result<Vec<Finding>>> + Send;

    /// Finishes what was accepted, then refuses everything with `Closed` and ends the
    /// subscriptions. A second call does nothing.
    ///
    /// # Errors
    /// If something accepted could not be finished.
    fn close(&self) -> impl Future<Output = Result<()>> + Send;
}

/// A member's flow of deliveries. Dropping it leaves the group: what it had taken and not yet
/// handed out is given back at once, without counting an attempt; deliveries handed out and not
/// settled come again when their leases run out.
pub trait Source: Send + 'static {
    /// What settles this source's deliveries.
    type Settler: Settler;

    /// A handle that settles this source's deliveries, also after the source is gone.
    fn settler(&self) -> Self::Settler;

    /// Waits until there is something, and appends at most `max` deliveries to `buf`.
    ///
    /// # Behavior
    /// - Every message of the topic reaches the group; each delivery goes to one member.
    /// - Higher priorities come first, but of every sixteen deliveries one goes to a lower
    ///   priority that has waited, so that the lowest still moves.
    /// - A message whose lease ran out, whose retry is due, or which was released, comes before
    ///   new ones of its priority.
    /// - Attempts are counted here, durably. A message delivered as often as it allows is not
    ///   delivered again but becomes a dead letter (`MaxRetries`).
    /// - A message past its time to live becomes a dead letter (`Expired`), bytes that are no
    ///   message become one (`Undecodable`); receiving goes on.
    /// - It may return without a delivery if the returned [`Intake`] says something happened.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: what it had taken is returned by the next call.
    ///
    /// # Errors
    /// `Closed` after the broker is closed, `NotFound` after the topic or group is deleted;
    /// transient errors may be followed by another call.
    fn recv(
        &mut self,
        buf: &mut Vec<Received>,
        max: usize,
    ) -> impl Future<Output = Result<Intake>> + Send;
}

/// Settles deliveries. One outcome for each token, in their order; a token whose delivery is no
/// longer the caller's is `Stale` and changes nothing.
///
/// Every call is idempotent: repeating one after a lost answer is safe, and gives `Stale` where
/// the first had worked.
pub trait Settler: Send + Sync + 'static {
    /// Marks deliveries as done, at the backend's durability.
    ///
    /// # Errors
    /// Of the connection or store; then the deliveries are still held, unless `Indeterminate`.
    fn ack(&self, tokens: &[Token]) -> impl Future<Output = Result<Vec<Settled>>> + Send;

    /// Gives deliveries back as failed: retried after the wish's delay, or dead-lettered where it
    /// says `Never` or the message's attempts are used up. One atomic step: at no moment is the
    /// message neither with the group nor a dead letter.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    fn nack(&self, nacks: &[Nack]) -> impl Future<Output = Result<Vec<Settled>>> + Send;

    /// Gives deliveries back unhandled: deliverable at once, and the attempt does not count.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    fn release(&self, tokens: &[Token]) -> impl Future<Output = Result<Vec<Settled>>> + Send;

    /// Renews leases: they run for `lease` from now.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    fn extend(
        &self,
        tokens: &[Token],
        lease: Duration,
    ) -> impl Future<Output = Result<Vec<Settled>>> + Send;
}
