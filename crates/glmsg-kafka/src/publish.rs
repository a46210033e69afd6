//! Storing messages.

use std::sync::Arc;

use glmsg_broker::Published;
use glmsg_core::{Clock as _, Error, ErrorKind, Message, Result, Schedule, SystemClock, TopicName};

use crate::broker::Shared;
use crate::names::TopicNames;
use crate::producer::Record;

impl Shared {
    pub(crate) async fn store(&self, messages: &[Message]) -> Result<Vec<Published>> {
        self.check_open()?;
        let limit = self.link.config().max_payload;
        let mut outcomes = Vec::with_capacity(messages.len());
        let mut sending = self.link.producer.begin(messages.len());
        // Most calls have one topic.
        let mut last: Option<(&TopicName, Arc<TopicNames>)> = None;
        for (at, message) in messages.iter().enumerate() {
            let topic = message.topic();
            let found = match last.take() {
                Some((same, names)) if same == topic => Ok(names),
                _ => self.ensure_topic(topic).await.inspect(|names| {
                    // Who takes part in groups of these topics knows of what comes.
                    if self.is_read_here(names) {
                        sending.tell_places();
                    }
                }),
            };
            let ready = found.and_then(|names| {
                last = Some((topic, Arc::clone(&names)));
                check_size(message, limit)?;
                Ok((names, self.encoder.encode(message)?))
            });
            let sent = match ready {
                Ok((names, encoded)) => {
                    let record = Record {
                        topic: place(&names, message),
                        partition: None,
                        key: encoded.key,
                        value: Some(&encoded.value),
                        headers: Some(&encoded.headers),
                    };
                    sending.put(at, record).await
                }
                Err(error) if at == 0 && !is_wrong(&error) => return Err(error),
                Err(error) => Err(error),
            };
            outcomes.push(match sent {
                Ok(()) => Published::Stored,
                Err(error) => self.outcome(message, error),
            });
        }
        let reported = sending.finish().await;
        for (at, place) in reported.places {
            self.tell_groups(&messages[at], place.partition, place.offset);
        }
        for (at, error) in reported.failed {
            outcomes[at] = self.outcome(&messages[at], error);
        }
        Ok(outcomes)
    }

    fn tell_groups(&self, message: &Message, partition: i32, offset: i64) {
        if !is_due(message.schedule()) {
            return;
        }
        let lane = usize::from(message.priority().as_u8());
        if let Some(names) = self.known.get(message.topic()) {
            let place = (&*names.lanes[lane], partition);
            self.tell(message.topic(), place, offset, (lane, false));
        }
    }

    fn outcome(&self, message: &Message, error: Error) -> Published {
        if error.kind() == ErrorKind::NotFound {
            self.known.forget(message.topic());
        }
        let error = error.operation("publish").with("topic", message.topic());
        match error.kind() {
            ErrorKind::Full | ErrorKind::Throttled => Published::Full(error),
            _ if is_wrong(&error) => Published::Rejected(error),
            _ => Published::Indeterminate(error),
        }
    }
}

/// The topic of Kafka's that a message goes to.
pub(crate) fn place<'a>(names: &'a TopicNames, message: &Message) -> &'a str {
    match is_due(message.schedule()) {
        true => &names.lanes[usize::from(message.priority().as_u8())],
        false => &names.later,
    }
}

/// The payload is larger than this broker takes.
pub(crate) fn check_size(message: &Message, limit: usize) -> Result<()> {
    let got = message.payload().len();
    if got <= limit {
        return Ok(());
    }
    let text = format!("the payload has {got} bytes, this broker takes {limit}");
    Err(Error::new(ErrorKind::TooLarge, text))
}

/// What is due already needs no waiting.
fn is_due(schedule: Schedule) -> bool {
    match schedule {
        Schedule::Now => true,
        Schedule::After(delay) => delay.is_zero(),
        Schedule::At(at) => at <= SystemClock.now(),
    }
}

/// The message is not acceptable, and the next one may be.
fn is_wrong(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::TooLarge | ErrorKind::InvalidArgument | ErrorKind::PermissionDenied
    )
}
