//! A message from headers that may hold anything.

use std::time::Duration;

use bytes::Bytes;

use super::{
    CONTENT_TYPE, CORRELATION_ID, CREATED, DELAY, DELIVER_AT, ESCAPE, ID, MAX_RETRIES, PREFIX,
    PRIORITY, PROVENANCE, REPLY_TO, TRACEPARENT, TTL,
};
use crate::limits::MAX_MILLIS;
use crate::message::check;
use crate::{
    ContentType, Error, ErrorKind, Message, MessageBuilder, MessageId, Provenance, Result,
    Schedule, Timestamp, TopicName,
};

/// What a message is given that the headers do not say.
#[derive(Debug, Clone, Copy)]
pub struct Absent<F> {
    /// Makes the id. It should follow from where the message was found, so that the message has the
    /// same id whenever it is read.
    pub id: F,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Puts a message together from its payload, its key and its headers.
///
/// The headers are of this binding or of anybody: without any of the binding's, the payload is
/// taken as it is, with defaults for the rest. A header whose name or value a message may not carry
/// is dropped, and so are those beyond 64 and an unknown one whose name begins with `gm-`; of
/// several of one name the last stands. What stands in `gm-provenance` is kept as a claim for
/// [`Message::verify`].
///
/// # Errors
/// `Codec` that names the header for a malformed one of the binding's or one that stands twice,
/// `TooLarge` for a key or payload over its limit.
pub fn read<'a, F: FnOnce() -> MessageId>(
    topic: TopicName,
    key: Option<&str>,
    payload: Bytes,
    headers: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>,
    absent: Absent<F>,
) -> Result<Message> {
    let mut builder = Message::builder(topic).payload(payload);
    if let Some(key) = key {
        builder = builder.key(key);
    }
    let mut draft = Draft::default();
    for (name, value) in headers {
        draft.take(&mut builder, name, value)?;
    }
    if let Some(content_type) = draft.content_type()? {
        builder.content_type = content_type;
    }
    let builder = builder
        .id(draft.id.unwrap_or_else(absent.id))
        .created_at(draft.created_at.unwrap_or(absent.created_at));
    builder.claim(draft.provenance).build().map_err(|e| {
        let kind = match e.kind() {
            ErrorKind::TooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::Codec,
        };
        Error::new(kind, "not a valid message").source(e)
    })
}

/// What the headers have said so far that the builder does not tell.
#[derive(Default)]
struct Draft<'a> {
    id: Option<MessageId>,
    created_at: Option<Timestamp>,
    provenance: Option<Provenance>,
    content_type: Option<&'a [u8]>,
    /// Which of the binding's names stood already.
    seen: u16,
}

impl<'a> Draft<'a> {
    fn take(
        &mut self,
        // Not by value: a message has a header a few times, and a builder some hundred bytes.
        builder: &mut MessageBuilder,
        name: &'a str,
        value: Option<&'a [u8]>,
    ) -> Result<()> {
        if !name.starts_with(PREFIX) {
            match name {
                CONTENT_TYPE => self.content_type = value,
                TRACEPARENT => traceparent(builder, value),
                _ => own(builder, name, value),
            }
            return Ok(());
        }
        match name {
            ID => self.id = Some(self.once(1, ID, value)?.parse().map_err(refused(ID))?),
            CREATED => {
                let micros = self.number(1 << 1, CREATED, value)?;
                self.created_at = Some(Timestamp::from_micros(micros));
            }
            PROVENANCE => {
                let text = self.once(1 << 2, PROVENANCE, value)?;
                self.provenance = Some(text.parse().map_err(refused(PROVENANCE))?);
            }
            PRIORITY => {
                let text = self.once(1 << 3, PRIORITY, value)?;
                builder.priority = text.parse().map_err(refused(PRIORITY))?;
            }
            TTL => builder.ttl = Some(self.millis(1 << 4, TTL, value)?),
            DELAY => {
                let delay = self.millis(1 << 5, DELAY, value)?;
                not_scheduled(builder, DELAY)?;
                builder.schedule = Schedule::After(delay);
            }
            DELIVER_AT => {
                let at = self.number(1 << 6, DELIVER_AT, value)?;
                not_scheduled(builder, DELIVER_AT)?;
                builder.schedule = Schedule::At(Timestamp::from_micros(at));
            }
            CORRELATION_ID => {
                let id = self.once(1 << 7, CORRELATION_ID, value)?;
                check::correlation_id(id).map_err(refused(CORRELATION_ID))?;
                builder.correlation_id = Some(id.into());
            }
            REPLY_TO => {
                let text = self.once(1 << 8, REPLY_TO, value)?;
                builder.reply_to = Some(text.parse().map_err(refused(REPLY_TO))?);
            }
            MAX_RETRIES => {
                let retries = self.number(1 << 9, MAX_RETRIES, value)?;
                check::max_retries(retries).map_err(refused(MAX_RETRIES))?;
                builder.max_retries = retries;
            }
            _ => {
                // Others of this prefix are not of this version, or the backend's.
                if let Some(name) = name.strip_prefix(ESCAPE) {
                    own(builder, name, value);
                }
            }
        }
        Ok(())
    }

    /// The text of a header that stands once.
    fn once(&mut self, bit: u16, name: &'static str, value: Option<&'a [u8]>) -> Result<&'a str> {
        if self.seen & bit != 0 {
            return Err(wrong(name, "it stands twice"));
        }
        self.seen |= bit;
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        text.ok_or_else(|| wrong(name, "it is no text"))
    }

    fn number<T: std::str::FromStr>(
        &mut self,
        bit: u16,
        name: &'static str,
        value: Option<&'a [u8]>,
    ) -> Result<T> {
        let parsed = self.once(bit, name, value)?.parse();
        parsed.map_err(|_| wrong(name, "it is no whole number in its range"))
    }

    fn millis(
        &mut self,
        bit: u16,
        name: &'static str,
        value: Option<&'a [u8]>,
    ) -> Result<Duration> {
        match self.number(bit, name, value)? {
            millis if millis <= MAX_MILLIS => Ok(Duration::from_millis(millis)),
            _ => Err(wrong(name, "it is no whole number in its range")),
        }
    }

    /// A content type is covered by provenance, so a message of ours is not read with another one.
    fn content_type(&self) -> Result<Option<ContentType>> {
        let Some(value) = self.content_type else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value).map_err(|_| wrong(CONTENT_TYPE, "it is no text"));
        match text.and_then(|text| ContentType::new(text).map_err(refused(CONTENT_TYPE))) {
            Ok(content_type) => Ok(Some(content_type)),
            Err(error) if self.id.is_some() => Err(error),
            Err(_) => Ok(None),
        }
    }
}

fn not_scheduled(builder: &MessageBuilder, name: &'static str) -> Result<()> {
    if builder.is_scheduled() {
        return Err(wrong(
            name,
            "a delay and a time to deliver exclude each other",
        ));
    }
    Ok(())
}

/// The trace context is not covered, and whoever traces the protocol may have put in his own.
fn traceparent(builder: &mut MessageBuilder, value: Option<&[u8]>) {
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    if let Some(text) = text.filter(|text| check::traceparent(text).is_ok()) {
        builder.traceparent = Some(text.into());
    }
}

fn own(builder: &mut MessageBuilder, name: &str, value: Option<&[u8]>) {
    if let Some(Ok(value)) = value.map(std::str::from_utf8) {
        // One that is not allowed is dropped: somebody else put it there.
        let _ = builder.set_header(name, value);
    }
}

#[cold]
fn wrong(name: &'static str, why: &str) -> Error {
    Error::new(
        ErrorKind::Codec,
        format!("a header of the message is malformed: {why}"),
    )
    .with("header", name)
}

/// The error about a header whose content a message would refuse, too.
fn refused(name: &'static str) -> impl Fn(Error) -> Error {
    move |why| wrong(name, "it is not acceptable").source(why)
}
