//! Storing messages.

use glmsg_broker::Published;
use glmsg_core::{Clock as _, Error, ErrorKind, Message, Result, Schedule, SystemClock};

use crate::broker::Shared;
use crate::producer::Record;

impl Shared {
    pub(crate) async fn store(&self, messages: &[Message]) -> Result<Vec<Published>> {
        self.check_open()?;
        let mut outcomes: Vec<Option<Published>> = Vec::new();
        outcomes.resize_with(messages.len(), || None);
        let limit = self.link.config().max_payload;
        let (mut sent, mut names) = (Vec::with_capacity(messages.len()), Vec::new());
        for (at, message) in messages.iter().enumerate() {
            let got = message.payload().len();
            if got > limit {
                let text = format!("the payload has {got} bytes, this broker takes {limit}");
                let error = Error::new(ErrorKind::TooLarge, text).operation("publish");
                outcomes[at] = Some(Published::Rejected(error.with("topic", message.topic())));
                continue;
            }
            let ready = match self.ensure_topic(message.topic()).await {
                Ok(topic) => self.encoder.encode(message).map(|encoded| (topic, encoded)),
                Err(error) => Err(error),
            };
            match ready {
                Ok((topic, encoded)) => {
                    names.push(topic);
                    sent.push((at, encoded));
                }
                Err(error) if sent.is_empty() && at == 0 && !is_wrong(&error) => return Err(error),
                Err(error) => outcomes[at] = Some(outcome(error)),
            }
        }
        let records = sent.iter().zip(&names).map(|((at, encoded), names)| {
            let message = &messages[*at];
            let topic = match message.schedule() {
                schedule if is_due(schedule) => {
                    &names.lanes[usize::from(message.priority().as_u8())]
                }
                _ => &names.later,
            };
            Record {
                topic,
                partition: None,
                key: encoded.key,
                value: &encoded.value,
                headers: Some(encoded.headers.clone()),
            }
        });
        // Who takes part in groups of these topics knows of what comes.
        let tell = names.iter().any(|names| self.is_read_here(names));
        let (results, places) = self
            .link
            .producer
            .send_and_tell(records.collect(), tell)
            .await;
        for (index, (partition, offset)) in places {
            let message = &messages[sent[index].0];
            if is_due(message.schedule()) {
                let lane = usize::from(message.priority().as_u8());
                self.tell(
                    message.topic(),
                    (&names[index].lanes[lane], partition),
                    offset,
                    (lane, false),
                );
            }
        }
        for ((at, _), result) in sent.iter().zip(results) {
            outcomes[*at] = Some(match result {
                Ok(()) => Published::Stored,
                Err(error) => {
                    if error.kind() == ErrorKind::NotFound {
                        self.known.forget(messages[*at].topic());
                    }
                    outcome(
                        error
                            .operation("publish")
                            .with("topic", messages[*at].topic()),
                    )
                }
            });
        }
        Ok(outcomes.into_iter().flatten().collect())
    }
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

fn outcome(error: Error) -> Published {
    match error.kind() {
        ErrorKind::Full | ErrorKind::Throttled => Published::Full(error),
        _ if is_wrong(&error) => Published::Rejected(error),
        _ => Published::Indeterminate(error),
    }
}
