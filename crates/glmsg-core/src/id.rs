//! Message identity.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::{Error, ErrorKind, Result};

/// The identity of a message: a UUIDv7, unique without coordination and ordered by creation time.
///
/// ```
/// use glmsg_core::MessageId;
/// let (a, b) = (MessageId::new(), MessageId::new());
/// assert!(a < b);
/// assert_eq!(a.to_string().parse::<MessageId>()?, a);
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// A new identity; later calls in a process give greater ones.
    #[allow(clippy::new_without_default, reason = "every call gives another value")]
    pub fn new() -> Self {
        Self(Uuid::now_v7().into_bytes())
    }

    /// The identity with exactly these 16 bytes. Any UUID version is accepted, so that messages of
    /// other systems keep theirs, and an id derived from an input makes a publish idempotent.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(Uuid::from_bytes(self.0).as_hyphenated(), f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Uuid::parse_str(text)
            .map(|u| Self(u.into_bytes()))
            .map_err(|e| {
                Error::new(ErrorKind::InvalidArgument, "not a message id (a UUID)")
                    .with("got", format!("\"{}\"", crate::name::excerpt(text)))
                    .source(e)
            })
    }
}
