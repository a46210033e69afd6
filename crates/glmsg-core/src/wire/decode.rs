//! Reading an envelope that may hold anything.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use super::encode::HEAD;
use super::fields::{level, signed, unsigned};
use super::section::{Field, Fields, bad, refused};
use super::{MAGIC, VERSION};
use crate::limits::MAX_MILLIS;
use crate::message::{self, Novelty, check};
use crate::{
    ContentType, Error, ErrorKind, Headers, Message, MessageId, Priority, Provenance, Result,
    Schedule, Timestamp, TopicName,
};

/// Decodes an envelope of at most `max` bytes; [`limits::max_envelope`](crate::limits::max_envelope)
/// gives the bound for a payload's. The payload is a slice of `bytes`, not a copy. Everything a
/// builder refuses is refused here, too. Nothing is hashed:
/// [`Message::verify`] does that.
///
/// # Errors
/// `TooLarge` where the envelope or a field is over its limit, `Codec` for anything else that is
/// no envelope of version 1; both name the field and the offset. Nothing is allocated for a length
/// before the bytes are seen to be there.
pub fn decode(bytes: &Bytes, max: usize) -> Result<Message> {
    Decoder::default().decode(bytes, max)
}

/// Decodes one envelope after the other. What comes from one place mostly has the same names, and
/// such messages share them.
///
/// ```
/// use glmsg_core::{Message, limits, wire};
///
/// let max = limits::max_envelope(limits::DEFAULT_MAX_PAYLOAD);
/// let mut decoder = wire::Decoder::default();
/// for payload in ["DTW-LAS", "LAS-DTW"] {
///     let sent = Message::text("flights", payload)?;
///     assert_eq!(decoder.decode(&wire::encode(&sent), max)?, sent);
/// }
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    topic: Option<TopicName>,
    reply_to: Option<TopicName>,
}

impl Decoder {
    /// Decodes an envelope as [`decode`] does.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn decode(&mut self, bytes: &Bytes, max: usize) -> Result<Message> {
        envelope(bytes, max, self)
    }
}

fn envelope(bytes: &Bytes, max: usize, last: &mut Decoder) -> Result<Message> {
    if bytes.len() > max {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the envelope has {} bytes, the limit is {max}", bytes.len()),
        ));
    }
    let signed_end = section_end(bytes, head(bytes)?, HEAD, "signed section")?;
    let Some(&unsigned_len) = bytes[signed_end..].first_chunk::<4>() else {
        return Err(bad("unsigned section", signed_end, "it is missing"));
    };
    let unsigned_at = signed_end + 4;
    let unsigned_end = section_end(bytes, unsigned_len, unsigned_at, "unsigned section")?;
    if unsigned_end != bytes.len() {
        return Err(bad(
            "end",
            unsigned_end,
            format!("{} bytes follow it", bytes.len() - unsigned_end),
        ));
    }
    let mut fields = signed_section(bytes, signed_end, last)?;
    unsigned_section(bytes, unsigned_at, &mut fields)?;
    Ok(Message(Arc::new(fields)))
}

/// Checks magic and version; the length of the signed section.
fn head(bytes: &[u8]) -> Result<[u8; 4]> {
    let Some(&[m0, m1, m2, version, a, b, c, d]) = bytes.first_chunk::<HEAD>() else {
        return Err(bad("head", 0, "it is shorter than its head"));
    };
    if [m0, m1, m2] != MAGIC {
        return Err(bad("magic", 0, "it does not begin with 8F 47 4D"));
    }
    if version != VERSION {
        let text =
            format!("the envelope has version {version}, this build reads version {VERSION}");
        return Err(Error::new(ErrorKind::Codec, text)
            .with("field", "version")
            .with("offset", 3));
    }
    Ok([a, b, c, d])
}

fn section_end(bytes: &[u8], len: [u8; 4], at: usize, name: &'static str) -> Result<usize> {
    let len = u32::from_be_bytes(len) as usize;
    let left = bytes.len() - at;
    if len > left {
        let why = format!("the length says {len} bytes, the envelope has {left} left");
        return Err(bad(name, at, why));
    }
    Ok(at + len)
}

fn signed_section(bytes: &Bytes, end: usize, last: &mut Decoder) -> Result<message::Fields> {
    let mut fields = Fields::new(bytes, HEAD, end, Some(signed::HEADER));
    let mut draft = Draft::default();
    while let Some(field) = fields.next(signed::name)? {
        draft.take(&field, bytes, last).map_err(|e| match e {
            Fault::Form(why) => bad(signed::name(field.tag), field.offset, why),
            Fault::Content(e) => refused(signed::name(field.tag), field.offset, e),
        })?;
    }
    let missing = |tag| move || bad(signed::name(tag), end, "the field is missing");
    Ok(message::Fields {
        id: draft.id.ok_or_else(missing(signed::ID))?,
        topic: draft.topic.ok_or_else(missing(signed::TOPIC))?,
        content_type: draft
            .content_type
            .ok_or_else(missing(signed::CONTENT_TYPE))?,
        priority: draft.priority.ok_or_else(missing(signed::PRIORITY))?,
        created_at: draft.created_at.ok_or_else(missing(signed::CREATED_AT))?,
        max_retries: draft.max_retries.ok_or_else(missing(signed::MAX_RETRIES))?,
        key: draft.key,
        ttl: draft.ttl,
        schedule: draft.schedule,
        correlation_id: draft.correlation_id,
        reply_to: draft.reply_to,
        headers: draft.headers,
        payload: draft.payload.ok_or_else(missing(signed::PAYLOAD))?,
        traceparent: None,
        provenance: OnceLock::new(),
        signed: Some(bytes.slice(HEAD..end)),
        novelty: Novelty::new(false),
    })
}

/// What is wrong with one field.
enum Fault {
    Form(&'static str),
    Content(Error),
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::Content(e)
    }
}

/// What the signed section has said so far.
#[derive(Default)]
struct Draft {
    id: Option<MessageId>,
    topic: Option<TopicName>,
    content_type: Option<ContentType>,
    priority: Option<Priority>,
    created_at: Option<Timestamp>,
    max_retries: Option<u16>,
    key: Option<Box<str>>,
    ttl: Option<Duration>,
    schedule: Schedule,
    correlation_id: Option<Box<str>>,
    reply_to: Option<TopicName>,
    headers: Headers,
    payload: Option<Bytes>,
}

impl Draft {
    fn take(&mut self, field: &Field<'_>, bytes: &Bytes, last: &mut Decoder) -> Result<(), Fault> {
        let value = field.value;
        match field.tag {
            signed::ID => self.id = Some(MessageId::from_bytes(array(value)?)),
            signed::TOPIC => self.topic = Some(name(text(value)?, &mut last.topic)?),
            signed::CONTENT_TYPE => self.content_type = Some(ContentType::new(text(value)?)?),
            signed::PRIORITY => {
                let [n] = array(value)?;
                let priority = Priority::from_u8(n);
                self.priority = Some(priority.ok_or(Fault::Form("the values are 0 to 3"))?);
            }
            signed::CREATED_AT => self.created_at = Some(time(value)?),
            signed::MAX_RETRIES => {
                let retries = u16::from_be_bytes(array(value)?);
                check::max_retries(retries)?;
                self.max_retries = Some(retries);
            }
            signed::KEY => {
                check::key_len(value.len())?;
                self.key = Some(text(value)?.into());
            }
            signed::TTL => self.ttl = Some(millis(value)?),
            signed::DELAY => self.schedule = Schedule::After(millis(value)?),
            signed::DELIVER_AT if self.schedule != Schedule::Now => {
                return Err(Fault::Form(
                    "a delay and a time to deliver exclude each other",
                ));
            }
            signed::DELIVER_AT => self.schedule = Schedule::At(time(value)?),
            signed::CORRELATION_ID => {
                check::correlation_id_len(value.len())?;
                let id = text(value)?;
                check::correlation_id(id)?;
                self.correlation_id = Some(id.into());
            }
            signed::REPLY_TO => self.reply_to = Some(name(text(value)?, &mut last.reply_to)?),
            signed::HEADER => self.header(value)?,
            signed::PAYLOAD => {
                check::payload_len(value.len())?;
                self.payload = Some(bytes.slice(field.offset..field.offset + value.len()));
            }
            _ => return Err(Fault::Form("version 1 has no signed field of this number")),
        }
        Ok(())
    }

    fn header(&mut self, value: &[u8]) -> Result<(), Fault> {
        let split = value.split_first();
        let split = split.and_then(|(len, rest)| rest.split_at_checked(usize::from(*len)));
        let Some((name, value)) = split else {
            return Err(Fault::Form("the name is longer than the field"));
        };
        let (name, value) = (text(name)?, text(value)?);
        if self
            .headers
            .iter()
            .next_back()
            .is_some_and(|(last, _)| last >= name)
        {
            return Err(Fault::Form("the headers are not sorted by name"));
        }
        Ok(self.headers.insert(name, value)?)
    }
}

fn unsigned_section(bytes: &[u8], at: usize, made: &mut message::Fields) -> Result<()> {
    let mut fields = Fields::new(bytes, at, bytes.len(), None);
    while let Some(field) = fields.next(unsigned::name)? {
        let taken = match field.tag {
            unsigned::TRACEPARENT => traceparent(field.value).map(|t| made.traceparent = Some(t)),
            unsigned::PROVENANCE => {
                provenance(field.value).map(|p| made.provenance = OnceLock::from(p))
            }
            _ => Ok(()),
        };
        taken.map_err(|e| match e {
            Fault::Form(why) => bad(unsigned::name(field.tag), field.offset, why),
            Fault::Content(e) => refused(unsigned::name(field.tag), field.offset, e),
        })?;
    }
    match made.provenance.get() {
        Some(_) => Ok(()),
        None => Err(bad("provenance", bytes.len(), "the field is missing")),
    }
}

fn traceparent(value: &[u8]) -> Result<Box<str>, Fault> {
    let text = text(value)?;
    check::traceparent(text)?;
    Ok(text.into())
}

fn provenance(value: &[u8]) -> Result<Provenance, Fault> {
    match value {
        [level::SHA256, digest @ ..] => Ok(Provenance::Checksum(array(digest)?)),
        [level::HMAC_SHA256, len, rest @ ..] => {
            let Some((id, code)) = rest.split_at_checked(usize::from(*len)) else {
                return Err(Fault::Form("the key id is longer than the field"));
            };
            let id = text(id)?;
            check::key_id(id)?;
            Ok(Provenance::Mac {
                key_id: id.into(),
                code: array(code)?,
            })
        }
        _ => Err(Fault::Form("this build reads the levels 1 and 2 only")),
    }
}

fn array<const N: usize>(value: &[u8]) -> Result<[u8; N], Fault> {
    value
        .try_into()
        .map_err(|_| Fault::Form("the value has a wrong length"))
}

fn text(value: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(value).map_err(|_| Fault::Form("the text is not UTF-8"))
}

/// The name, which is the last one's if they are the same.
fn name(text: &str, last: &mut Option<TopicName>) -> Result<TopicName> {
    match last {
        Some(last) if last.as_str() == text => Ok(last.clone()),
        last => Ok(last.insert(TopicName::new(text)?).clone()),
    }
}

fn time(value: &[u8]) -> Result<Timestamp, Fault> {
    array(value).map(|b| Timestamp::from_micros(i64::from_be_bytes(b)))
}

fn millis(value: &[u8]) -> Result<Duration, Fault> {
    match u64::from_be_bytes(array(value)?) {
        ms if ms <= MAX_MILLIS => Ok(Duration::from_millis(ms)),
        _ => Err(Fault::Form("the duration is over 2^53 - 1 milliseconds")),
    }
}
