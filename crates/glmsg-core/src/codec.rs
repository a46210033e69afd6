//! Codecs: how a typed value becomes a payload and back.

#[cfg(feature = "bincode")]
mod bincode;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(feature = "msgpack")]
mod msgpack_check;
mod text;

#[cfg(feature = "bincode")]
pub use self::bincode::Bincode;
#[cfg(feature = "json")]
pub(crate) use self::json::check_json_nested;
#[cfg(feature = "json")]
pub use self::json::{Json, check_json};
#[cfg(feature = "msgpack")]
pub use self::msgpack::MsgPack;
#[cfg(feature = "msgpack")]
pub use self::msgpack_check::check_msgpack;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::history::clean_error_text;
use crate::{ContentType, Error, ErrorKind, Message, MessageBuilder, Result};

/// How a typed value becomes a payload and back. Those of this module are chosen by a message's
/// content type; one of your own is given to [`MessageBuilder::encode_with`] and
/// [`Message::decode_with`].
pub trait Codec {
    /// The name in errors.
    fn name(&self) -> &'static str;

    /// The content type of what [`encode`](Self::encode) makes.
    fn content_type(&self) -> ContentType;

    /// The bytes of `value`.
    ///
    /// # Errors
    /// `Codec` if `value` has no form in this codec.
    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Bytes>;

    /// The value of `bytes`, which may hold anything. All of them must be the value's.
    ///
    /// # Errors
    /// `Codec` if `bytes` are not that.
    fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T>;
}

impl MessageBuilder {
    /// `value` for the payload as `codec` writes it, with its content type.
    pub fn encode_with<C: Codec, T: Serialize + ?Sized>(mut self, codec: &C, value: &T) -> Self {
        match self.note(codec.encode(value)) {
            Some(bytes) => self.payload(bytes).content_type(codec.content_type()),
            None => self,
        }
    }
}

impl Message {
    /// The payload as a value, by the codec that the content type names: JSON (`…/json`,
    /// `…+json`), MessagePack, bincode, or plain text (`text/…`) as a `String`. Bytes of no
    /// declared form have no codec: read [`payload`](Self::payload).
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use glmsg_core::Message;
    ///
    /// let message = Message::json("flights", &vec![1, 2, 3])?;
    /// assert_eq!(message.decode::<Vec<u8>>()?, [1, 2, 3]);
    /// # }
    /// # Ok::<(), glmsg_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Codec` if the payload is not a `T` or nests deeper than
    /// [`MAX_NESTING`](crate::limits::MAX_NESTING); `Unsupported` if no codec for the content type
    /// is compiled in: the text names the feature.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        let content_type = self.content_type();
        match content_type.essence() {
            _ if content_type.is_json() => {
                #[cfg(feature = "json")]
                return self.decode_with(&Json);
                #[cfg(not(feature = "json"))]
                Err(self.no_codec("enable the feature \"json\""))
            }
            "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => {
                #[cfg(feature = "msgpack")]
                return self.decode_with(&MsgPack);
                #[cfg(not(feature = "msgpack"))]
                Err(self.no_codec("enable the feature \"msgpack\""))
            }
            "application/x-bincode" => {
                #[cfg(feature = "bincode")]
                return self.decode_with(&Bincode);
                #[cfg(not(feature = "bincode"))]
                Err(self.no_codec("enable the feature \"bincode\""))
            }
            _ if content_type.is_text() => {
                text::decode_text(self.payload()).map_err(|e| self.at(e))
            }
            _ => Err(self.no_codec(
                "publish it with Message::json or Message::text, or read payload() instead",
            )),
        }
    }

    /// The payload as a value by `codec`, whatever the content type says.
    ///
    /// # Errors
    /// `Codec` if the payload is not a `T`.
    pub fn decode_with<C: Codec, T: DeserializeOwned>(&self, codec: &C) -> Result<T> {
        codec.decode(self.payload()).map_err(|e| self.at(e))
    }

    #[cold]
    fn at(&self, e: Error) -> Error {
        e.with("message", self.id()).with("topic", self.topic())
    }

    #[cold]
    fn no_codec(&self, remedy: &str) -> Error {
        let text = "this build decodes no payload of this content type";
        Error::new(ErrorKind::Unsupported, text)
            .operation("decode")
            .with("content type", self.content_type())
            .with("message", self.id())
            .remedy(remedy)
    }
}

/// The error of a codec. What the codec says may quote the payload, so it is cut and cleaned.
#[cold]
fn fault(operation: &'static str, what: &str, why: &impl std::fmt::Display) -> Error {
    let why = clean_error_text(&why.to_string());
    Error::new(ErrorKind::Codec, format!("{what}: {why}")).operation(operation)
}

/// The error about a document that nests too deeply.
#[cfg(any(feature = "json", feature = "msgpack"))]
#[cold]
fn too_deep(name: &str, limit: usize, offset: usize) -> Error {
    let text = format!("the {name} nests deeper than {limit} levels");
    Error::new(ErrorKind::Codec, text).with("offset", offset)
}
