//! What came of publishing a message.

use glmsg_core::Error;

/// What came of publishing one message.
#[derive(Debug)]
pub enum Published {
    /// Stored, at the backend's durability level.
    Stored,
    /// A message of this id is stored in the topic already; nothing was added.
    Duplicate,
    /// The topic is full; nothing was added. Trying later can help.
    Full(Error),
    /// Not acceptable; nothing was added. Trying again does not help.
    Rejected(Error),
    /// It may or may not be stored. Publishing the same message again is safe.
    Indeterminate(Error),
}

impl Published {
    /// `true` if the topic holds the message now.
    pub fn is_stored(&self) -> bool {
        matches!(self, Self::Stored | Self::Duplicate)
    }

    /// The error, unless the topic holds the message now.
    ///
    /// # Errors
    /// The error inside `Full`, `Rejected` or `Indeterminate`.
    pub fn into_result(self) -> Result<(), Error> {
        match self {
            Self::Stored | Self::Duplicate => Ok(()),
            Self::Full(e) | Self::Rejected(e) | Self::Indeterminate(e) => Err(e),
        }
    }
}
