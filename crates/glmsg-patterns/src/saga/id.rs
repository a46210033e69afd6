//! The identity of a saga.

use std::fmt;
use std::str::FromStr;

use glmsg_core::{Error, MemberName, MessageId, Result};

/// The identity of one run of a saga: as names are, letters, digits, `_`, `-` and single dots, 200
/// bytes at most. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SagaId(MemberName);

impl SagaId {
    /// Checks and takes an id, such as the number of the order that the saga is about.
    ///
    /// # Errors
    /// `InvalidArgument` that says what is not allowed.
    pub fn new(id: impl AsRef<str>) -> Result<Self> {
        let id = id.as_ref();
        MemberName::new(id).map(Self).map_err(|error| {
            let text = error.message().replacen("member name", "saga id", 1);
            let got: String = id.chars().take(60).collect();
            Error::new(error.kind(), text)
                .with("got", format!("{got:?}"))
                .remedy("use letters, digits, '_' and '-', in parts joined by single dots")
        })
    }

    /// A new one; later ones are greater.
    ///
    /// # Errors
    /// None: a new id is a valid name.
    pub fn unique() -> Result<Self> {
        Self::new(MessageId::new().to_string())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for SagaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SagaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SagaId {
    type Err = Error;
    fn from_str(id: &str) -> Result<Self> {
        Self::new(id)
    }
}

impl AsRef<str> for SagaId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}
