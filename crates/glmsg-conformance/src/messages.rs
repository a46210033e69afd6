//! The messages, names and outcomes that cases speak of.

use std::sync::Arc;

use glmsg_broker::{
    Broker, DeadLetterQuery, DeadLetterSelector, Lag, Published, ReplayQuery, StartFrom, Stored,
};
use glmsg_core::{
    DeadLetter, ErrorKind, GroupName, Message, MessageBuilder, MessageId, Result, TopicName,
};

use crate::patience::within;

/// The topic of a case that needs one; each case has a store of its own.
pub(crate) fn topic() -> TopicName {
    named_topic("conformance.topic")
}

/// A topic by name.
pub(crate) fn named_topic(name: &str) -> TopicName {
    TopicName::new(name).expect("the suite's topic names are valid")
}

/// A group by name.
pub(crate) fn group(name: &str) -> GroupName {
    GroupName::new(name).expect("the suite's group names are valid")
}

/// A message for [`topic`] to be made more special.
pub(crate) fn builder(payload: &str) -> MessageBuilder {
    Message::builder(topic()).payload(payload.to_owned())
}

/// What a builder of the suite gives.
pub(crate) fn build(builder: MessageBuilder) -> Message {
    builder.build().expect("the suite's messages are valid")
}

/// A plain message for [`topic`].
pub(crate) fn message(payload: &str) -> Message {
    build(builder(payload))
}

/// `n` plain messages with the payloads `0`, `1`, …
pub(crate) fn numbered(n: usize) -> Vec<Message> {
    (0..n).map(|i| message(&i.to_string())).collect()
}

/// The ids of messages.
pub(crate) fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(Message::id).collect()
}

/// Publishes `messages` and fails unless each is newly stored.
pub(crate) async fn store(broker: &Arc<dyn Broker>, messages: &[Message]) {
    for (n, outcome) in publish(broker, messages).await.into_iter().enumerate() {
        assert!(
            matches!(outcome, Published::Stored),
            "message {n} of {} was not stored: {outcome:?}",
            messages.len()
        );
    }
}

/// Publishes one message and returns what came of it.
pub(crate) async fn publish_one(broker: &Arc<dyn Broker>, message: &Message) -> Published {
    let mut outcomes = publish(broker, std::slice::from_ref(message)).await;
    outcomes.remove(0)
}

/// Publishes `messages`, and fails unless there is an outcome for each.
pub(crate) async fn publish(broker: &Arc<dyn Broker>, messages: &[Message]) -> Vec<Published> {
    let outcomes = within("a publish", broker.publish(messages))
        .await
        .expect("publish as a whole fails only if nothing could be stored");
    assert_eq!(
        outcomes.len(),
        messages.len(),
        "publish gives one outcome for each message"
    );
    outcomes
}

/// The lag of a group of [`topic`].
pub(crate) async fn lag(broker: &Arc<dyn Broker>, name: &str) -> Lag {
    within("the lag", broker.lag(&topic(), &group(name)))
        .await
        .expect("an existing group has a lag")
}

/// All dead letters of a group of [`topic`], oldest first.
pub(crate) async fn dead_letters(broker: &Arc<dyn Broker>, name: &str) -> Vec<DeadLetter> {
    let query = DeadLetterQuery::new(topic(), group(name)).limit(1000);
    within("the dead letters", broker.dead_letters(&query))
        .await
        .expect("an existing group's dead letters can be listed")
        .items
}

/// The one dead letter that a group of [`topic`] must have.
pub(crate) async fn only_dead_letter(broker: &Arc<dyn Broker>, name: &str) -> DeadLetter {
    let mut all = dead_letters(broker, name).await;
    assert_eq!(
        all.len(),
        1,
        "exactly one dead letter is expected, found {all:?}"
    );
    all.remove(0)
}

/// Redrives dead letters of a group of [`topic`].
pub(crate) async fn redrive(
    broker: &Arc<dyn Broker>,
    name: &str,
    which: &DeadLetterSelector,
) -> u64 {
    within("a redrive", broker.redrive(&topic(), &group(name), which))
        .await
        .expect("an existing group's dead letters can be redriven")
}

/// Everything stored in [`topic`] from `from` on, in one page.
pub(crate) async fn replay(broker: &Arc<dyn Broker>, from: StartFrom) -> Vec<Stored> {
    let query = ReplayQuery::new(topic(), from);
    within("a replay", broker.replay(&query))
        .await
        .expect("an existing topic can be replayed")
}

/// The ids of replayed messages.
pub(crate) fn replayed_ids(stored: &[Stored]) -> Vec<MessageId> {
    let id = |s: &Stored| s.message.as_ref().expect("a whole message").id();
    stored.iter().map(id).collect()
}

/// The kind of error that `result` must be; `what` says of which call.
pub(crate) fn error_kind<T: std::fmt::Debug>(what: &str, result: Result<T>) -> ErrorKind {
    match result {
        Ok(value) => panic!("{what} should have been refused, but gave {value:?}"),
        Err(error) => error.kind(),
    }
}
