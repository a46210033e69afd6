//! bincode payloads.

use bincode::config::{self, Config};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, fault};
use crate::limits::MAX_PAYLOAD;
use crate::{ContentType, Error, ErrorKind, MessageBuilder, Result};

/// bincode 2 in its standard configuration. It is compact and not self-describing: both ends need
/// the same type. It is unmaintained upstream (RUSTSEC-2025-0141) and has no bound on nesting: a
/// type that contains itself must not be decoded from an untrusted sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bincode;

fn standard() -> impl Config {
    config::standard().with_limit::<MAX_PAYLOAD>()
}

impl Codec for Bincode {
    fn name(&self) -> &'static str {
        "bincode"
    }

    fn content_type(&self) -> ContentType {
        ContentType::BINCODE
    }

    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Bytes> {
        let bytes = bincode::serde::encode_to_vec(value, standard());
        let bytes = bytes.map_err(|e| fault("encode", "the value cannot be bincode", &e))?;
        Ok(bytes.into())
    }

    fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T> {
        let decoded = bincode::serde::decode_from_slice(bytes, standard());
        let (value, len) =
            decoded.map_err(|e| fault("decode", "the payload is not the bincode expected", &e))?;
        if len != bytes.len() {
            let text = "bytes follow the bincode value";
            return Err(Error::new(ErrorKind::Codec, text)
                .operation("decode")
                .with("offset", len));
        }
        Ok(value)
    }
}

impl MessageBuilder {
    /// `value` as bincode for the payload, with its content type.
    pub fn bincode<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.encode_with(&Bincode, value)
    }
}
