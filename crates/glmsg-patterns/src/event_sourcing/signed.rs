//! Checkpoints that nobody can forge.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use glmsg_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::Checkpoint;
use super::hex::Hex;

const DOMAIN: &[u8] = b"glmsg/v1/checkpoint\0";

/// What signs checkpoints: an Ed25519 key. It is wiped from memory when dropped, and does not print.
///
/// ```
/// use glmsg_patterns::event_sourcing::CheckpointKey;
///
/// # let random_bytes = [7; 32];
/// let key = CheckpointKey::from_bytes(&random_bytes);
/// // This is what others need to check its signatures. It is no secret.
/// println!("{}", key.signer());
/// assert_eq!(format!("{key:?}"), format!("CheckpointKey({})", key.signer()));
/// ```
#[derive(Clone)]
pub struct CheckpointKey(SigningKey);

impl CheckpointKey {
    /// The key of these 32 bytes, which must be random and secret: the seed, as RFC 8032 has it.
    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// Whose signatures it makes.
    pub fn signer(&self) -> CheckpointSigner {
        CheckpointSigner(self.0.verifying_key())
    }
}

impl fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckpointKey({})", self.signer())
    }
}

/// Whose signature a checkpoint has: the public half of a [`CheckpointKey`]. Its text is 64 hex
/// digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CheckpointSigner(VerifyingKey);

impl CheckpointSigner {
    /// The public key of these bytes.
    ///
    /// # Errors
    /// `InvalidArgument` if they are no Ed25519 key.
    pub fn from_bytes(public: &[u8; 32]) -> Result<Self> {
        let key = VerifyingKey::from_bytes(public).ok();
        // A weak one would take some signature for any checkpoint.
        let key = key.filter(|key| !key.is_weak());
        key.map(Self).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "not an Ed25519 public key")
                .remedy("give what `CheckpointKey::signer` returns")
        })
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
}

impl fmt::Display for CheckpointSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(self.to_bytes()).fmt(f)
    }
}

impl fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckpointSigner({self})")
    }
}

impl FromStr for CheckpointSigner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some(Hex(bytes)) = Hex::read(text) else {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "a signer is 64 hex digits, 0-9 and a-f",
            ));
        };
        Self::from_bytes(&bytes)
    }
}

/// A [`Checkpoint`] with a signature, so that it may be kept where others can write. `serde` writes
/// it as one object: the checkpoint's fields, `signer` and `signature` (hex digits both).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedCheckpoint {
    #[serde(flatten)]
    checkpoint: Checkpoint,
    signer: Hex<32>,
    signature: Hex<64>,
}

impl Checkpoint {
    /// Signs it.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use glmsg_broker::{Broker, Expected};
    /// use glmsg_memory::MemoryBroker;
    /// use glmsg_patterns::event_sourcing::{CheckpointKey, EventStore, NewEvent};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
    /// # let key = CheckpointKey::from_bytes(&[7; 32]);
    /// let store = EventStore::open(&broker).await?;
    /// let opened = NewEvent::json("opened", &"Ada")?;
    /// store.append("account.7", Expected::NOTHING, [opened]).await?;
    /// let checkpoint = store.checkpoint("account.7").await?.expect("it has an event");
    /// let signed = checkpoint.sign(&key);
    ///
    /// let known = signed.open(&key.signer())?;
    /// let verified = store.verify_against("account.7", &[known.clone()]).await?;
    /// assert!(verified.is_intact());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sign(self, key: &CheckpointKey) -> SignedCheckpoint {
        let signature = key.0.sign(&self.signed_bytes()).to_bytes();
        SignedCheckpoint {
            checkpoint: self,
            signer: Hex(key.signer().to_bytes()),
            signature: Hex(signature),
        }
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend_from_slice(&(self.stream.len() as u64).to_be_bytes());
        bytes.extend_from_slice(self.stream.as_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(self.hash.as_bytes());
        bytes.extend_from_slice(&self.recorded_at_us.to_be_bytes());
        bytes
    }
}

impl SignedCheckpoint {
    /// The checkpoint, if it is as this signer signed it. Whose signature it claims to have does not
    /// count: a forger would name himself.
    ///
    /// # Errors
    /// `Conflict` if it was signed by another key; `Codec` if it was changed since.
    pub fn open(&self, signer: &CheckpointSigner) -> Result<&Checkpoint> {
        let signature = Signature::from_bytes(&self.signature.0);
        let signed = self.checkpoint.signed_bytes();
        if signer.0.verify_strict(&signed, &signature).is_ok() {
            return Ok(&self.checkpoint);
        }
        let error = if self.signer.0 == signer.to_bytes() {
            Error::new(
                ErrorKind::Codec,
                "the checkpoint does not match its signature: it was changed",
            )
        } else {
            Error::new(
                ErrorKind::Conflict,
                "the checkpoint is signed by another key",
            )
            .with("signer", self.signer)
            .with("expected", signer)
        };
        Err(error
            .operation("open checkpoint")
            .with("stream", &self.checkpoint.stream)
            .with("version", self.checkpoint.version))
    }

    /// What it says, whether or not it is so: for a list, not for a proof.
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

#[cfg(test)]
mod tests {
    use glmsg_core::{Timestamp, TopicName};

    use super::super::chain::Tail;
    use super::*;

    fn signed() -> (SignedCheckpoint, CheckpointKey) {
        let key = CheckpointKey::from_bytes(&[7; 32]);
        let stream = TopicName::new("account.7").unwrap();
        let tail = Tail {
            version: 3,
            at: Timestamp::from_micros(1),
            ..Tail::EMPTY
        };
        (Checkpoint::new(&stream, &tail).sign(&key), key)
    }

    fn kind(signed: &SignedCheckpoint, signer: &CheckpointSigner) -> ErrorKind {
        signed.open(signer).unwrap_err().kind()
    }

    #[test]
    fn what_was_signed_opens_and_survives_its_text() {
        let (signed, key) = signed();
        let text = serde_json::to_string(&signed).unwrap();
        let read: SignedCheckpoint = serde_json::from_str(&text).unwrap();
        let signer: CheckpointSigner = key.signer().to_string().parse().unwrap();
        assert_eq!(read.open(&signer).unwrap(), signed.unverified());
        assert_eq!(read.unverified().version(), 3);
    }

    #[test]
    fn the_change_of_any_digit_is_found() {
        let (signed, key) = signed();
        let text = serde_json::to_string(&signed).unwrap();
        let mut found = 0;
        for at in 0..text.len() {
            let digit = text.as_bytes()[at];
            if !digit.is_ascii_hexdigit() || digit.is_ascii_alphabetic() {
                continue;
            }
            let mut changed = text.clone().into_bytes();
            changed[at] = if digit == b'9' { b'8' } else { digit + 1 };
            let changed = String::from_utf8(changed).unwrap();
            let Ok(changed) = serde_json::from_str::<SignedCheckpoint>(&changed) else {
                continue;
            };
            found += 1;
            // Whose signature it claims to have proves nothing, and changes nothing.
            if changed.signer == signed.signer {
                assert_eq!(kind(&changed, &key.signer()), ErrorKind::Codec, "at {at}");
            } else {
                assert!(changed.open(&key.signer()).is_ok(), "at {at}");
            }
        }
        assert!(found > 100, "{found}");
    }

    #[test]
    fn a_forger_does_not_pass() {
        let (signed, key) = signed();
        let forger = CheckpointKey::from_bytes(&[8; 32]);
        let mut forged = signed.unverified().clone();
        forged.version = 2;
        let mut forged = forged.sign(&forger);
        assert_eq!(kind(&forged, &key.signer()), ErrorKind::Conflict);
        forged.signer = signed.signer;
        assert_eq!(kind(&forged, &key.signer()), ErrorKind::Codec);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let weak = [0; 32];
        for text in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert!(text.parse::<CheckpointSigner>().is_err(), "{text}");
        }
        let error = CheckpointSigner::from_bytes(&weak).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        let key = CheckpointKey::from_bytes(&[7; 32]);
        assert!(!format!("{key:?}").contains("0707"), "{key:?}");
    }
}
