//! Storing messages.

use glmsg_broker::Published;
use glmsg_core::{Error, ErrorKind, Message, Result, Schedule};

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
                Err(error) if sent.is_empty() && at == 0 => return Err(error),
                Err(error) => outcomes[at] = Some(outcome(error)),
            }
        }
        let records = sent.iter().zip(&names).map(|((at, encoded), names)| {
            let message = &messages[*at];
            let topic = match message.schedule() {
                Schedule::Now => &names.lanes[usize::from(message.priority().as_u8())],
                Schedule::After(_) | Schedule::At(_) => &names.later,
            };
            Record {
                topic,
                partition: None,
                key: encoded.key,
                value: &encoded.value,
                headers: Some(encoded.headers.clone()),
            }
        });
        let results = self.link.producer.send(records.collect()).await;
        for ((at, _), result) in sent.iter().zip(results) {
            outcomes[*at] = Some(match result {
                Ok(()) => Published::Stored,
                Err(error) => {
                    if error.kind() == ErrorKind::NotFound {
                        self.known.forget(messages[*at].topic());
                    }
                    outcome(error.operation("publish").with("topic", messages[*at].topic()))
                }
            });
        }
        Ok(outcomes.into_iter().flatten().collect())
    }
}

fn outcome(error: Error) -> Published {
    match error.kind() {
        ErrorKind::Full | ErrorKind::Throttled | ErrorKind::Unavailable => Published::Full(error),
        ErrorKind::TooLarge | ErrorKind::InvalidArgument | ErrorKind::PermissionDenied => {
            Published::Rejected(error)
        }
        _ => Published::Indeterminate(error),
    }
}
