//! The spans, named and described by OpenTelemetry's conventions for messaging.

use std::fmt;

use glmsg_core::{Error, GroupName, Message, TopicName};
use tracing::field::{Empty, display};
use tracing::{Span, debug_span, info_span};

use crate::{Relation, TraceContext, carrier};

pub(crate) const PUBLISH: &str = "glmsg::publish";
pub(crate) const RECEIVE: &str = "glmsg::receive";
pub(crate) const PROCESS: &str = "glmsg::process";
pub(crate) const SETTLE: &str = "glmsg::settle";
pub(crate) const MESSAGES: &str = "glmsg::messages";

/// `messaging.system`: topics, groups, retries and dead letters are ours, whatever is below.
const SYSTEM: &str = "glmsg";

/// Of one span: what is over it says nothing, and exporters keep no more.
const MAX_LINKS: usize = 128;

/// `publish TOPIC`, or `publish` where there are several topics.
struct PublishName<'a>(&'a [Message]);

impl fmt::Display for PublishName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match topic_of(self.0) {
            Some(topic) => write!(f, "publish {topic}"),
            None => f.write_str("publish"),
        }
    }
}

/// The topic, if all have the same.
fn topic_of(messages: &[Message]) -> Option<&TopicName> {
    let topic = messages.first()?.topic();
    let is_same = messages.iter().all(|message| message.topic() == topic);
    is_same.then_some(topic)
}

fn single(messages: &[Message]) -> Option<&Message> {
    match messages {
        [message] => Some(message),
        _ => None,
    }
}

/// How many there are, where it is not one.
fn count_of(count: usize) -> Option<u64> {
    (count != 1).then_some(count as u64)
}

pub(crate) fn publish(backend: &'static str, messages: &[Message]) -> Span {
    let span = info_span!(
        target: PUBLISH,
        "publish",
        "otel.name" = %PublishName(messages),
        "otel.kind" = "producer",
        "otel.status_code" = Empty,
        "messaging.system" = SYSTEM,
        "glmsg.backend" = backend,
        "messaging.operation.name" = "publish",
        "messaging.operation.type" = "send",
        "messaging.destination.name" = topic_of(messages).map(TopicName::as_str),
        "messaging.batch.message_count" = count_of(messages.len()),
        "messaging.message.id" = single(messages).map(|message| display(message.id())),
        "messaging.message.conversation_id" = single(messages).and_then(Message::correlation_id),
        "messaging.message.body.size" = single(messages).map(|message| message.payload().len() as u64),
        "glmsg.not_stored" = Empty,
        "error.type" = Empty,
    );
    if !span.is_disabled() {
        carrier::adopt(&span);
        // Those that were in a trace before: it goes on in them, not here.
        link_all(&span, messages.iter());
    }
    span
}

pub(crate) fn process(
    relation: Relation,
    creation: Option<TraceContext>,
    group: &GroupName,
    message: &Message,
    attempt: u32,
) -> Span {
    let known = creation.filter(|_| relation == Relation::Child);
    // A trace that is not recorded: the export looks at what is current, and lets the span be.
    let unrecorded = known.filter(|context| !context.is_sampled());
    let _unrecorded = unrecorded.map(TraceContext::enter);
    let span = info_span!(
        target: PROCESS,
        parent: None,
        "process",
        "otel.name" = format_args!("process {}", message.topic()),
        "otel.kind" = "consumer",
        "otel.status_code" = Empty,
        "messaging.system" = SYSTEM,
        "messaging.operation.name" = "process",
        "messaging.operation.type" = "process",
        "messaging.destination.name" = message.topic().as_str(),
        "messaging.consumer.group.name" = group.as_str(),
        "messaging.message.id" = %message.id(),
        "messaging.message.conversation_id" = message.correlation_id(),
        "messaging.message.body.size" = message.payload().len() as u64,
        "glmsg.attempt" = attempt,
        trace_id = known.map(|context| display(TraceId(context))),
        "error.type" = Empty,
    );
    if !span.is_disabled() {
        if let Some(creation) = creation {
            carrier::relate(&span, creation, relation);
        }
        if known.is_none()
            && let Some(own) = carrier::context_of(&span)
        {
            span.record("trace_id", display(TraceId(own)));
        }
    }
    span
}

struct TraceId(TraceContext);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0.trace_id())
    }
}

pub(crate) fn receive<'a>(
    topic: &TopicName,
    group: &GroupName,
    messages: impl ExactSizeIterator<Item = &'a Message>,
) -> Span {
    let span = debug_span!(
        target: RECEIVE,
        "receive",
        "otel.name" = format_args!("receive {topic}"),
        "otel.kind" = "consumer",
        "messaging.system" = SYSTEM,
        "messaging.operation.name" = "receive",
        "messaging.operation.type" = "receive",
        "messaging.destination.name" = topic.as_str(),
        "messaging.consumer.group.name" = group.as_str(),
        "messaging.batch.message_count" = messages.len() as u64,
    );
    if !span.is_disabled() {
        link_all(&span, messages);
    }
    span
}

/// A settlement of one kind. The macro takes its level, which is a part of the place it is used at.
macro_rules! settle {
    ($span:ident, $name:literal, $topic:expr, $group:expr, $($rest:tt)*) => {
        $span!(
            target: SETTLE,
            $name,
            "otel.name" = format_args!(concat!($name, " {}"), $topic),
            "otel.kind" = "client",
            "otel.status_code" = Empty,
            "messaging.system" = SYSTEM,
            "messaging.operation.name" = $name,
            "messaging.operation.type" = "settle",
            "messaging.destination.name" = $topic.as_str(),
            "messaging.consumer.group.name" = $group.as_str(),
            "error.type" = Empty,
            $($rest)*
        )
    };
}

pub(crate) fn ack(topic: &TopicName, group: &GroupName, count: usize) -> Span {
    settle!(
        debug_span,
        "ack",
        topic,
        group,
        "messaging.batch.message_count" = count_of(count),
    )
}

pub(crate) fn nack(topic: &TopicName, group: &GroupName, count: usize) -> Span {
    settle!(
        info_span,
        "nack",
        topic,
        group,
        "messaging.batch.message_count" = count_of(count),
        "glmsg.retried" = Empty,
        "glmsg.dead_lettered" = Empty,
    )
}

pub(crate) fn redrive(topic: &TopicName, group: &GroupName) -> Span {
    settle!(
        info_span,
        "redrive",
        topic,
        group,
        "messaging.batch.message_count" = Empty,
    )
}

/// What a retry and a dead letter say of their message.
pub(crate) struct Failed<'a> {
    pub(crate) message: &'a Message,
    pub(crate) group: &'a GroupName,
    pub(crate) attempt: u32,
    pub(crate) outcome: &'static str,
}

pub(crate) fn retry(failed: &Failed<'_>, delay: std::time::Duration) -> Span {
    let topic = failed.message.topic();
    settle!(
        info_span,
        "retry",
        topic,
        failed.group,
        "messaging.message.id" = %failed.message.id(),
        "glmsg.attempt" = failed.attempt,
        "glmsg.attempt.outcome" = failed.outcome,
        "glmsg.retry.delay_ms" = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
    )
}

pub(crate) fn dead_letter(failed: &Failed<'_>, reason: &'static str) -> Span {
    let topic = failed.message.topic();
    settle!(
        info_span,
        "dead_letter",
        topic,
        failed.group,
        "messaging.message.id" = %failed.message.id(),
        "glmsg.attempt" = failed.attempt,
        "glmsg.attempt.outcome" = failed.outcome,
        "glmsg.dead_letter.reason" = reason,
    )
}

/// The call that `span` stands for failed.
pub(crate) fn fail(span: &Span, error: &Error) {
    fail_as(span, error.kind().as_str());
}

/// `kind` is one of few: it tells errors apart, it does not describe them.
pub(crate) fn fail_as(span: &Span, kind: &'static str) {
    span.record("error.type", kind);
    span.record("otel.status_code", "ERROR");
}

fn link_all<'a>(span: &Span, messages: impl Iterator<Item = &'a Message>) {
    let contexts = messages.filter_map(TraceContext::of);
    for context in contexts.take(MAX_LINKS) {
        carrier::link(span, context);
    }
}
