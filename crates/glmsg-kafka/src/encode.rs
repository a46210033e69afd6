//! Messages as records and back: `docs/wire-format.md`, "Carrying a message on Redis and Kafka".

mod event;
mod foreign;

use bytes::Bytes;
use glmsg_core::limits::{MAX_PAYLOAD, max_envelope};
use glmsg_core::{Message, Result, TopicName, binding, wire};
use glmsg_kafka_wire::NewHeaders as Written;
use rdkafka::message::{Header, OwnedHeaders};

use crate::config::{Encoding, KafkaConfig};
use crate::read_record::ReadRecord;

pub(crate) use foreign::Origin;

/// What an envelope's record has for a content type.
const ENVELOPE: &str = "application/vnd.glmsg.envelope";

/// The parts of a record.
#[derive(Debug)]
pub(crate) struct Encoded<'m> {
    /// The message's key, by which the partition is chosen.
    pub(crate) key: Option<&'m [u8]>,
    pub(crate) value: Bytes,
    pub(crate) headers: Written,
}

/// Writes messages in one encoding.
#[derive(Debug)]
pub(crate) struct Encoder {
    encoding: Encoding,
    /// The `source` of events.
    source: String,
}

impl Encoder {
    pub(crate) fn new(config: &KafkaConfig) -> Self {
        Self {
            encoding: config.encoding,
            source: format!("/{}", config.name),
        }
    }

    /// The record of a message. The payload is not copied, unless into an envelope.
    ///
    /// # Errors
    /// `InvalidArgument` for a message that is no CloudEvent: for a time outside of the years 0 to
    /// 9999.
    pub(crate) fn encode<'m>(&self, message: &'m Message) -> Result<Encoded<'m>> {
        let (value, headers) = match self.encoding {
            Encoding::Headers => (message.payload().clone(), headers_of(message)),
            Encoding::Envelope => {
                let mut headers = Written::new();
                headers.put(binding::CONTENT_TYPE, Some(ENVELOPE.as_bytes()));
                (wire::encode(message), headers)
            }
            Encoding::CloudEvents => {
                let headers = event::headers_of(message, &self.source)?;
                (message.payload().clone(), headers)
            }
        };
        Ok(Encoded {
            key: message.key().map(str::as_bytes),
            value,
            headers,
        })
    }
}

/// About what a header takes, with its name.
const HEADER: usize = 40;

fn headers_of(message: &Message) -> Written {
    let mut headers = Written::with_capacity(HEADER * binding::most_headers(message));
    binding::write(message, |name, value| {
        headers.put(name, Some(value.as_bytes()));
    });
    headers
}

/// The same headers for the client library.
pub(crate) fn for_library(headers: &Written) -> OwnedHeaders {
    let all = headers.iter();
    all.fold(
        OwnedHeaders::new_with_capacity(headers.len()),
        |made, (key, value)| made.insert(Header { key, value }),
    )
}

/// The message of a record of ours or of anybody's, for `topic`.
pub(crate) fn decode_record<R: ReadRecord>(topic: &TopicName, record: &R) -> Result<Message> {
    let (value, headers) = (record.kept_value(), record.header_list());
    decode(topic, record.key_bytes(), value, headers, &record.origin())
}

/// How a record is written.
enum Form {
    Headers,
    Envelope,
    Event,
    StructuredEvent,
}

/// The message of the parts of a record. Which encoding it is of is told by its headers; a record
/// that is of none of them is a message, too.
///
/// # Errors
/// `Codec` or `TooLarge` that names the header or field which is malformed.
pub(crate) fn decode<'a>(
    topic: &TopicName,
    key: Option<&'a [u8]>,
    value: Bytes,
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    origin: &Origin<'_>,
) -> Result<Message> {
    match recognise(&value, headers.clone()) {
        Form::Headers => {
            let (key, note) = foreign::key(key);
            let absent = binding::Absent {
                id: || origin.id(),
                created_at: origin.time(),
            };
            let headers = headers.chain(note);
            binding::read(topic.clone(), key.as_deref(), value, headers, absent)
        }
        Form::Envelope => wire::decode(&value, max_envelope(MAX_PAYLOAD)),
        Form::Event => event::read(topic, key, value, headers, origin),
        Form::StructuredEvent => {
            Message::from_cloudevent_at(&value, topic.clone(), &event::At(origin.time()))
        }
    }
}

fn recognise<'a>(value: &[u8], headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>) -> Form {
    let mut is_event = false;
    let mut content_type = None;
    for (name, value) in headers {
        match name {
            // Ours have it first, and it outdoes the others: a payload may be what they say.
            binding::ID => return Form::Headers,
            event::SPEC_VERSION => is_event = true,
            binding::CONTENT_TYPE => content_type = value,
            _ => {}
        }
    }
    let content_type = content_type.unwrap_or_default();
    if is_event {
        Form::Event
    } else if content_type == ENVELOPE.as_bytes() && value.starts_with(&wire::MAGIC) {
        Form::Envelope
    } else if event::is_structured(content_type) {
        Form::StructuredEvent
    } else {
        Form::Headers
    }
}

#[cfg(test)]
mod tests;
