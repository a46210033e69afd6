//! MessagePack payloads.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, check_msgpack, fault};
use crate::limits::MAX_NESTING;
use crate::{ContentType, Error, ErrorKind, Message, MessageBuilder, Result, TopicName};

/// MessagePack, by rmp-serde. Structs are maps with the names of their fields, so that a field may
/// be added and another language can read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MsgPack;

impl Codec for MsgPack {
    fn name(&self) -> &'static str {
        "MessagePack"
    }

    fn content_type(&self) -> ContentType {
        ContentType::MSGPACK
    }

    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Bytes> {
        let bytes = rmp_serde::to_vec_named(value)
            .map_err(|e| fault("encode", "the value cannot be MessagePack", &e))?;
        // What no reader would take is refused where it is made.
        check_msgpack(&bytes).map_err(|e| e.operation("encode"))?;
        Ok(bytes.into())
    }

    fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T> {
        let len = check_msgpack(bytes).map_err(|e| e.operation("decode"))?;
        if len != bytes.len() {
            let text = "bytes follow the MessagePack document";
            return Err(Error::new(ErrorKind::Codec, text)
                .operation("decode")
                .with("offset", len));
        }
        let mut from = rmp_serde::Deserializer::from_read_ref(bytes);
        // A second line of defence: it counts an option or a newtype as a level of its own.
        from.set_max_depth(2 * MAX_NESTING);
        T::deserialize(&mut from)
            .map_err(|e| fault("decode", "the payload is not the MessagePack expected", &e))
    }
}

impl MessageBuilder {
    /// `value` as MessagePack for the payload, with its content type.
    pub fn msgpack<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.encode_with(&MsgPack, value)
    }
}

impl Message {
    /// A message whose payload is `value` as MessagePack, with defaults for the rest.
    ///
    /// # Errors
    /// `Codec` if `value` cannot be MessagePack, and as [`MessageBuilder::build`].
    pub fn msgpack<T, V>(topic: T, value: &V) -> Result<Self>
    where
        T: TryInto<TopicName>,
        Error: From<T::Error>,
        V: Serialize + ?Sized,
    {
        Self::builder(topic).msgpack(value).build()
    }
}
