//! Provenance as one line of text, for headers of other protocols.

use std::fmt;
use std::str::FromStr;

use crate::hex::{hex, unhex};
use crate::message::check;
use crate::{Error, ErrorKind, Provenance, Result};

impl fmt::Display for Provenance {
    /// `sha256:<64 hex digits>` or `hmac-sha256:<key id>:<64 hex digits>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checksum(digest) => write!(f, "sha256:{}", hex(digest).as_str()),
            Self::Mac { key_id, code } => {
                write!(f, "hmac-sha256:{key_id}:{}", hex(code).as_str())
            }
        }
    }
}

impl FromStr for Provenance {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (level, digest) = text.rsplit_once(':').unwrap_or_default();
        let (level, key_id) = match level.split_once(':') {
            Some((level, key_id)) => (level, Some(key_id)),
            None => (level, None),
        };
        Self::from_parts(level, key_id, digest)
    }
}

impl Provenance {
    /// From the level's name, the key's id and the hex digits.
    pub(crate) fn from_parts(level: &str, key_id: Option<&str>, digest: &str) -> Result<Self> {
        let wrong = || {
            Error::new(ErrorKind::Codec, "not a provenance")
                .remedy("write it like sha256:<64 lower-case hex digits>")
        };
        let digest = unhex(digest).ok_or_else(wrong)?;
        match (level, key_id) {
            ("sha256", None) => Ok(Self::Checksum(digest)),
            ("hmac-sha256", Some(id)) => {
                check::key_id(id)?;
                Ok(Self::Mac {
                    key_id: id.into(),
                    code: digest,
                })
            }
            _ => Err(wrong()),
        }
    }
}
