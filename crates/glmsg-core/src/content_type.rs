//! The media type of a payload.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::limits::MAX_CONTENT_TYPE;
use crate::{Error, ErrorKind, Result};

/// The media type of a payload, such as `application/json`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ContentType(Cow<'static, str>);

impl ContentType {
    /// `application/json`
    pub const JSON: Self = Self(Cow::Borrowed("application/json"));
    /// `application/msgpack`
    pub const MSGPACK: Self = Self(Cow::Borrowed("application/msgpack"));
    /// `application/x-bincode`
    pub const BINCODE: Self = Self(Cow::Borrowed("application/x-bincode"));
    /// `application/octet-stream`: bytes of no declared form. The default.
    pub const BYTES: Self = Self(Cow::Borrowed("application/octet-stream"));
    /// `text/plain; charset=utf-8`
    pub const TEXT: Self = Self(Cow::Borrowed("text/plain; charset=utf-8"));

    /// Checks and takes a media type: 1 to 128 printable ASCII characters with a `/`.
    ///
    /// # Errors
    /// `InvalidArgument` where it is not that.
    pub fn new(text: &str) -> Result<Self> {
        let known = [
            Self::JSON,
            Self::MSGPACK,
            Self::BINCODE,
            Self::BYTES,
            Self::TEXT,
        ];
        if let Some(known) = known.into_iter().find(|k| k.0 == text) {
            return Ok(known);
        }
        let printable = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if !printable || !text.contains('/') || text.len() > MAX_CONTENT_TYPE {
            return Err(Error::new(ErrorKind::InvalidArgument, "not a media type")
                .with("got", format!("\"{}\"", crate::name::excerpt(text)))
                .remedy("write it like application/json"));
        }
        Ok(Self(Cow::Owned(text.to_owned())))
    }

    /// The media type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before any `;`, in which the type itself stands.
    pub fn essence(&self) -> &str {
        self.0.split(';').next().unwrap_or_default().trim_end()
    }

    /// `true` for JSON, including `…+json`.
    pub fn is_json(&self) -> bool {
        let essence = self.essence();
        essence == "application/json" || essence.ends_with("+json")
    }

    /// `true` for `text/…`.
    pub fn is_text(&self) -> bool {
        self.essence().starts_with("text/")
    }
}

impl FromStr for ContentType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl Default for ContentType {
    fn default() -> Self {
        Self::BYTES
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
