//! Plain text payloads.

use serde::de::value::Error as ValueError;
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::fault;
use crate::{ContentType, MessageBuilder, Result};

impl MessageBuilder {
    /// `text` for the payload, as `text/plain; charset=utf-8`.
    ///
    /// ```
    /// use glmsg_core::Message;
    ///
    /// let message = Message::builder("notes").text("grüezi").build()?;
    /// assert_eq!(message.decode::<String>()?, "grüezi");
    /// # Ok::<(), glmsg_core::Error>(())
    /// ```
    pub fn text(self, text: impl Into<String>) -> Self {
        self.payload(text.into()).content_type(ContentType::TEXT)
    }
}

/// A `T` from text: a `String`, or whatever serde reads from one, such as an enum's variant.
pub(super) fn decode_text<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(bytes)
        .map_err(|e| fault("decode", "the payload is not UTF-8 text", &e))?;
    T::deserialize(IntoDeserializer::<ValueError>::into_deserializer(text))
        .map_err(|e| fault("decode", "the payload is not the text expected", &e))
}
