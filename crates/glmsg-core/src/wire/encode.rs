//! Writing an envelope.

use std::time::Duration;

use bytes::Bytes;

use super::fields::{level, signed, unsigned};
use super::section::{Count, FIELD_HEAD, Sink, length};
use super::{MAGIC, VERSION};
use crate::message::Fields;
use crate::{Message, Provenance, Schedule, provenance};

/// Magic, version and the length of the signed section.
pub(super) const HEAD: usize = 8;

/// Encodes `message` as an envelope. It is allocated once, with its exact size.
///
/// ```
/// use glmsg_core::{Message, limits, wire};
///
/// let message = Message::new("flights", "DTW-LAS")?;
/// let envelope = wire::encode(&message);
/// let received = wire::decode(&envelope, limits::max_envelope(limits::DEFAULT_MAX_PAYLOAD))?;
/// received.verify()?;
/// assert_eq!(received, message);
/// # Ok::<(), glmsg_core::Error>(())
/// ```
pub fn encode(message: &Message) -> Bytes {
    let mut out = Vec::with_capacity(encoded_len(message));
    encode_into(message, &mut out);
    out.into()
}

/// How many bytes the envelope of `message` has.
pub fn encoded_len(message: &Message) -> usize {
    let fields = &*message.0;
    HEAD + signed_len(fields) + 4 + unsigned_len(fields)
}

/// Appends the envelope of `message` to `out`, to use one buffer for many messages.
pub fn encode_into(message: &Message, out: &mut Vec<u8>) {
    let fields = &*message.0;
    fields.novelty.end();
    let signed_len = signed_len(fields);
    let unsigned_len = unsigned_len(fields);
    out.reserve(HEAD + signed_len + 4 + unsigned_len);

    out.put(&MAGIC);
    out.put(&[VERSION]);
    out.put(&length(signed_len));
    let start = out.len();
    match &fields.signed {
        Some(signed) => out.put(signed),
        None => signed_fields(fields, out),
    }
    let made = fields
        .provenance
        .get_or_init(|| provenance::checksum(&out[start..]));
    out.put(&length(unsigned_len));
    if let Some(traceparent) = &fields.traceparent {
        out.field(unsigned::TRACEPARENT, [traceparent.as_bytes()]);
    }
    match made {
        Provenance::Checksum(digest) => {
            out.field(unsigned::PROVENANCE, [&[level::SHA256], digest]);
        }
        Provenance::Mac { key_id, code } => {
            let id = key_id.as_bytes();
            let head = [level::HMAC_SHA256, short(id.len())];
            out.field(unsigned::PROVENANCE, [&head, id, code]);
        }
    }
}

/// Writes the fields of the signed section. This list is the format: what is encoded, what is
/// hashed and what is counted all come from it.
pub(crate) fn signed_fields<S: Sink>(fields: &Fields, out: &mut S) {
    out.field(signed::ID, [fields.id.as_bytes()]);
    out.field(signed::TOPIC, [fields.topic.as_str().as_bytes()]);
    out.field(
        signed::CONTENT_TYPE,
        [fields.content_type.as_str().as_bytes()],
    );
    out.field(signed::PRIORITY, [&[fields.priority.as_u8()]]);
    out.field(
        signed::CREATED_AT,
        [&fields.created_at.as_micros().to_be_bytes()],
    );
    out.field(signed::MAX_RETRIES, [&fields.max_retries.to_be_bytes()]);
    if let Some(key) = &fields.key {
        out.field(signed::KEY, [key.as_bytes()]);
    }
    if let Some(ttl) = fields.ttl {
        out.field(signed::TTL, [&millis(ttl)]);
    }
    match fields.schedule {
        Schedule::Now => {}
        Schedule::After(delay) => out.field(signed::DELAY, [&millis(delay)]),
        Schedule::At(at) => out.field(signed::DELIVER_AT, [&at.as_micros().to_be_bytes()]),
    }
    if let Some(id) = &fields.correlation_id {
        out.field(signed::CORRELATION_ID, [id.as_bytes()]);
    }
    if let Some(topic) = &fields.reply_to {
        out.field(signed::REPLY_TO, [topic.as_str().as_bytes()]);
    }
    for (name, value) in fields.headers.iter() {
        out.field(
            signed::HEADER,
            [&[short(name.len())], name.as_bytes(), value.as_bytes()],
        );
    }
    out.field(signed::PAYLOAD, [&fields.payload]);
}

fn signed_len(fields: &Fields) -> usize {
    match &fields.signed {
        Some(signed) => signed.len(),
        None => {
            let mut count = Count::default();
            signed_fields(fields, &mut count);
            count.0
        }
    }
}

fn unsigned_len(fields: &Fields) -> usize {
    let trace = match &fields.traceparent {
        Some(traceparent) => FIELD_HEAD + traceparent.len(),
        None => 0,
    };
    // One that is not there yet will be a checksum.
    let provenance = match fields.provenance.get() {
        Some(Provenance::Mac { key_id, .. }) => 2 + key_id.len() + 32,
        Some(Provenance::Checksum(_)) | None => 1 + 32,
    };
    trace + FIELD_HEAD + provenance
}

/// A length of at most 128, by the limits on header names and key ids.
fn short(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

/// The builder keeps durations in whole milliseconds below 2^53.
fn millis(d: Duration) -> [u8; 8] {
    u64::try_from(d.as_millis())
        .unwrap_or(u64::MAX)
        .to_be_bytes()
}
