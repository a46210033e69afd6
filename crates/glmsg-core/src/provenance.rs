//! What a message's content can be checked against.

#[cfg(feature = "hmac")]
mod key_ring;
mod text;

#[cfg(feature = "hmac")]
pub use key_ring::{KeyRing, SigningKey};

use sha2::{Digest, Sha256};

use crate::wire::{Sink, signed_fields};
use crate::{Error, ErrorKind, Message, Result};

/// Stands before the signed section in everything that is hashed, so that a digest of a message
/// is never also the digest of something else.
pub(crate) const DOMAIN: &[u8] = b"glmsg/v1/message\0";

/// What a message's content can be checked against. It covers everything its producer said: all
/// fields but the trace context.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provenance {
    /// SHA-256: detects corruption. Whoever can change a message can compute it anew.
    Checksum([u8; 32]),
    /// HMAC-SHA-256: detects tampering by whoever has not the key.
    Mac {
        /// Which key it was made with: 1 to 64 visible ASCII characters.
        key_id: Box<str>,
        /// The code.
        code: [u8; 32],
    },
}

impl Provenance {
    /// `sha256` or `hmac-sha256`.
    pub fn level(&self) -> &'static str {
        match self {
            Self::Checksum(_) => "sha256",
            Self::Mac { .. } => "hmac-sha256",
        }
    }

    /// The digest or code.
    pub fn digest(&self) -> &[u8; 32] {
        match self {
            Self::Checksum(digest) => digest,
            Self::Mac { code, .. } => code,
        }
    }
}

impl Message {
    /// Its provenance: for a received message what it claims, which [`verify`](Self::verify)
    /// checks; otherwise a checksum, computed when first asked for.
    pub fn provenance(&self) -> &Provenance {
        self.0.provenance.get_or_init(|| self.checksum())
    }

    /// Checks the content against the checksum it came with.
    ///
    /// # Errors
    /// `Codec` if it does not match; `PermissionDenied` if the message is signed, which only a key
    /// can check (`verify_with`, feature `hmac`).
    pub fn verify(&self) -> Result<()> {
        match self.0.provenance.get() {
            // Nothing was claimed: it was built here, and cannot differ from itself.
            None => Ok(()),
            Some(claimed @ Provenance::Checksum(_)) if *claimed == self.checksum() => Ok(()),
            Some(Provenance::Checksum(_)) => {
                Err(self.mismatch("the content does not match its checksum"))
            }
            Some(Provenance::Mac { key_id, .. }) => Err(Error::new(
                ErrorKind::PermissionDenied,
                "a signed message is checked with its key",
            )
            .with("message", self.id())
            .with("key", key_id)
            .remedy("give a key ring to verify_with (feature \"hmac\")")),
        }
    }

    fn checksum(&self) -> Provenance {
        match &self.0.signed {
            Some(signed) => checksum(signed),
            None => {
                let mut hash = Sha256::new_with_prefix(DOMAIN);
                signed_fields(&self.0, &mut hash);
                Provenance::Checksum(hash.finalize().into())
            }
        }
    }

    #[cold]
    fn mismatch(&self, why: &str) -> Error {
        Error::new(ErrorKind::Codec, why)
            .operation("verify")
            .with("message", self.id())
            .with("topic", self.topic())
    }
}

/// The checksum of a signed section.
pub(crate) fn checksum(signed: &[u8]) -> Provenance {
    let hash = Sha256::new_with_prefix(DOMAIN).chain_update(signed);
    Provenance::Checksum(hash.finalize().into())
}

impl Sink for Sha256 {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}
