//! What a record has that says no more than where it was found.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use glmsg_core::limits::MAX_KEY;
use glmsg_core::{MessageId, Timestamp};
use sha2::{Digest, Sha256};

/// Stands before what the id of a record without one is derived from.
const ID_DOMAIN: &[u8] = b"glmsg/v1/kafka-record-id\0";
/// The header that tells of a key that is no text.
const KEY_ENCODING: &str = "kafka-key-encoding";

/// Where a record was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The name of the topic in the cluster, which is not always the message's.
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: Option<i64>,
}

impl Origin<'_> {
    /// The id of a record without one: the same whenever it is read, so that it can be told from
    /// others, and published again without being stored twice.
    pub(super) fn id(&self) -> MessageId {
        let hash = Sha256::new_with_prefix(ID_DOMAIN)
            .chain_update((self.topic.len() as u64).to_be_bytes())
            .chain_update(self.topic)
            .chain_update(self.partition.to_be_bytes())
            .chain_update(self.offset.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        // A UUID of version 8: made by a rule of our own.
        bytes[6] = 0x80 | bytes[6] & 0x0F;
        bytes[8] = 0x80 | bytes[8] & 0x3F;
        MessageId::from_bytes(bytes)
    }

    /// When the record was made, by the cluster's account.
    pub(super) fn time(&self) -> Timestamp {
        let millis = self.timestamp_ms.unwrap_or(0);
        Timestamp::from_micros(millis.saturating_mul(1000))
    }
}

/// A header, as the library hands it out.
pub(super) type Field = (&'static str, Option<&'static [u8]>);

/// A record's key as a message's. One that is no text becomes its base64, so that what has one key
/// still has one, with a header that says so; one that is too long for a message is left out.
pub(super) fn key(key: Option<&[u8]>) -> (Option<Cow<'_, str>>, Option<Field>) {
    let Some(key) = key.filter(|key| key.len() <= MAX_KEY) else {
        return (None, None);
    };
    if let Ok(text) = std::str::from_utf8(key) {
        return (Some(text.into()), None);
    }
    let text = BASE64_STANDARD.encode(key);
    if text.len() > MAX_KEY {
        return (None, None);
    }
    (Some(text.into()), Some((KEY_ENCODING, Some(b"base64"))))
}
