//! Storing messages.

use glmsg_broker::Published;
use glmsg_core::{Error, ErrorKind, Message, Result, TopicName, wire};
use redis::{Pipeline, Value};

use crate::RedisBroker;
use crate::broker::{Shared, no_topic};
use crate::encode::{count, fine, is_usual, list, next, number, put, text};

/// The most messages and bytes that one step stores: others wait as long as it takes.
pub(crate) const MOST_MESSAGES: usize = 256;
pub(crate) const MOST_BYTES: usize = 4 << 20;

/// How often a step is tried where it found no topic, or no memory.
const TRIES: usize = 5;
/// How many messages give way at once when the server's memory is full.
const RELIEF: usize = 1000;

/// About how many bytes a message takes on the way.
pub(crate) fn size_of(message: &Message) -> usize {
    message.payload().len() + 512
}

impl RedisBroker {
    pub(crate) async fn store(&self, messages: &[Message]) -> Result<Vec<Published>> {
        self.shared.check_open()?;
        let mut outcomes: Vec<Option<Published>> = Vec::new();
        outcomes.resize_with(messages.len(), || None);
        let limit = self.shared.link.config().max_payload;
        for (message, outcome) in messages.iter().zip(&mut outcomes) {
            let got = message.payload().len();
            if got > limit {
                let text = format!("the payload has {got} bytes, this broker takes {limit}");
                let error = Error::new(ErrorKind::TooLarge, text).operation("publish");
                *outcome = Some(Published::Rejected(error.with("topic", message.topic())));
            }
        }
        // Of one topic all go in order; between topics there is no order.
        while let Some(first) = outcomes.iter().position(Option::is_none) {
            let topic = messages[first].topic();
            let (mut step, mut size) = (Vec::new(), 0);
            for at in first..messages.len() {
                if outcomes[at].is_some() || messages[at].topic() != topic {
                    continue;
                }
                let bytes = size_of(&messages[at]);
                if !step.is_empty() && (step.len() >= MOST_MESSAGES || size + bytes > MOST_BYTES) {
                    break;
                }
                step.push(at);
                size += bytes;
            }
            let batch: Vec<&Message> = step.iter().map(|at| &messages[*at]).collect();
            let stored = match self.shared.store_together(topic, &batch).await {
                Ok(stored) => stored,
                Err(e) => {
                    let is_first = first == 0;
                    let is_known = e.kind() != ErrorKind::Indeterminate;
                    if is_first && is_known && e.kind() != ErrorKind::Full {
                        return Err(e.operation("publish"));
                    }
                    let each = || failed(&e);
                    std::iter::repeat_with(each).take(step.len()).collect()
                }
            };
            for (at, published) in step.iter().zip(stored) {
                outcomes[*at] = Some(published);
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }
}

impl Shared {
    /// Stores messages of one topic in one step.
    pub(crate) async fn store_step(
        &self,
        topic: &TopicName,
        batch: &[&Message],
    ) -> Result<Vec<Published>> {
        let keys = self.keys(topic);
        let mut is_resent = false;
        if batch.iter().all(|message| is_usual(message)) {
            let mut call = self.scripts.store.of_usual(&keys);
            for message in batch {
                call.arg(message.id().as_bytes().as_slice());
                call.arg(wire::encode(message).as_ref());
            }
            let mut pipeline = Pipeline::with_capacity(1);
            pipeline.add_command(call);
            let replies = self.link.send_durably(keys.slot, &pipeline).await?;
            is_resent = replies.was_resent;
            if let Some(Value::Int(1)) = replies.values.first() {
                let stored = batch.iter();
                let stored =
                    stored.map(|_| published(Value::Int(0), topic, false, replies.reached));
                return stored.collect();
            }
        }
        let mut call = self.scripts.publish.of_topic(&keys);
        for message in batch {
            put(&mut call, message);
        }
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(call);
        let mut failure = no_topic(topic);
        for _ in 0..TRIES {
            let replies = self.link.send_durably(keys.slot, &pipeline).await?;
            let (was_resent, reached) = (is_resent || replies.was_resent, replies.reached);
            let mut values = replies.values.into_iter();
            let answer = match fine(next(&mut values)?) {
                // The server's memory is full: what is kept for replay alone gives way.
                Err(e) if e.kind() == ErrorKind::Full => {
                    if self.relieve(topic).await? == 0 {
                        return Err(e);
                    }
                    failure = e;
                    continue;
                }
                answer => answer?,
            };
            let mut words = list(answer)?.into_iter();
            if text(next(&mut words)?)? == "ABSENT" {
                self.ensure_topic(topic).await?;
                continue;
            }
            let results = list(next(&mut words)?)?;
            let stored = results
                .into_iter()
                .map(|result| published(result, topic, was_resent, reached));
            return stored.collect();
        }
        Err(failure)
    }

    /// Drops some of what every group has finished. Returns how many messages that were.
    async fn relieve(&self, topic: &TopicName) -> Result<u64> {
        let keys = self.keys(topic);
        let mut call = self.scripts.relieve.of_topic(&keys);
        call.arg(RELIEF);
        count(self.run(keys.slot, call).await?)
    }
}

fn published(
    result: Value,
    topic: &TopicName,
    was_resent: bool,
    reached: bool,
) -> Result<Published> {
    Ok(match number(result)? {
        0 | 1 if !reached => Published::Indeterminate(
            Error::new(
                ErrorKind::Indeterminate,
                "it is stored, but not yet as safely as the durability level asks",
            )
            .operation("publish")
            .with("topic", topic),
        ),
        0 => Published::Stored,
        // The first try had stored it, and its answer was lost.
        1 if was_resent => Published::Stored,
        1 => Published::Duplicate,
        _ => Published::Full(
            Error::new(
                ErrorKind::Full,
                "the topic is full of messages that some group has not acked",
            )
            .operation("publish")
            .with("topic", topic)
            .remedy("consume the topic or raise max_len"),
        ),
    })
}

fn failed(error: &Error) -> Published {
    let copy = error.duplicate().operation("publish");
    match error.kind() {
        ErrorKind::Full => Published::Full(copy),
        _ => Published::Indeterminate(copy),
    }
}
