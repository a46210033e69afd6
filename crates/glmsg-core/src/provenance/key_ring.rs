//! Keys that sign messages and check signed ones.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::DOMAIN;
use crate::message::{Fields, check};
use crate::wire::{Sink, signed_fields};
use crate::{Error, ErrorKind, Message, MessageBuilder, Provenance, Result};

/// The shortest secret: 16 bytes.
const MIN_SECRET: usize = 16;

/// A secret with an id, for signing and checking messages with HMAC-SHA-256. Whoever can check can
/// sign, too. `Debug` shows the id alone, and the secret cannot be taken out again.
///
/// ```
/// use glmsg_core::{KeyRing, Message, SigningKey};
///
/// let key = SigningKey::new("2026-01", b"0123456789abcdef0123456789abcdef")?;
/// let message = Message::builder("orders").payload("1 pizza").sign(&key).build()?;
///
/// let keys = KeyRing::from_iter([key]);
/// message.verify_with(&keys)?;
/// # Ok::<(), glmsg_core::Error>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    id: Box<str>,
    // The state after the key was taken in, which spares two of four hash blocks.
    keyed: Hmac<Sha256>,
}

impl SigningKey {
    /// A key from its id (1 to 64 visible ASCII characters, sent with each message) and its secret
    /// (16 bytes or more; 32 random ones are best).
    ///
    /// # Errors
    /// `InvalidArgument` or `TooLarge` for an id or a secret that is not that.
    pub fn new(id: &str, secret: &[u8]) -> Result<Self> {
        check::key_id(id)?;
        let short = || {
            let text = format!("the secret has fewer than {MIN_SECRET} bytes");
            Error::new(ErrorKind::InvalidArgument, text).with("key", id)
        };
        if secret.len() < MIN_SECRET {
            return Err(short());
        }
        let keyed = Hmac::new_from_slice(secret).map_err(|_| short())?;
        Ok(Self {
            id: id.into(),
            keyed,
        })
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The provenance of a message with these fields.
    pub(crate) fn sign(&self, fields: &Fields) -> Provenance {
        Provenance::Mac {
            key_id: self.id.clone(),
            code: self.mac(fields).finalize().into_bytes().into(),
        }
    }

    fn mac(&self, fields: &Fields) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(DOMAIN);
        match &fields.signed {
            Some(signed) => mac.update(signed),
            None => signed_fields(fields, &mut mac),
        }
        mac
    }
}

impl Sink for Hmac<Sha256> {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The keys that signed messages are checked with, by id. Keep a retired key for as long as
/// messages signed with it may arrive.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(BTreeMap<Box<str>, SigningKey>);

impl KeyRing {
    /// No keys.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds `key`, in place of one with the same id.
    pub fn insert(&mut self, key: SigningKey) {
        self.0.insert(key.id.clone(), key);
    }

    /// The key of this id.
    pub fn get(&self, id: &str) -> Option<&SigningKey> {
        self.0.get(id)
    }
}

impl FromIterator<SigningKey> for KeyRing {
    fn from_iter<I: IntoIterator<Item = SigningKey>>(keys: I) -> Self {
        let mut ring = Self::new();
        keys.into_iter().for_each(|key| ring.insert(key));
        ring
    }
}

impl MessageBuilder {
    /// Signs the message with `key` when it is built, in place of a checksum. A later
    /// [`to_builder`](Message::to_builder) does not know the key: sign the copy, too.
    pub fn sign(mut self, key: &SigningKey) -> Self {
        self.signing_key = Some(key.clone());
        self
    }
}

impl Message {
    /// Checks the content against the signature it came with, in constant time. A message that is
    /// not signed is refused: anybody can make a checksum.
    ///
    /// # Errors
    /// `Codec` if the signature does not match or there is none; `PermissionDenied` if `keys` has
    /// not the key.
    pub fn verify_with(&self, keys: &KeyRing) -> Result<()> {
        let Provenance::Mac { key_id, code } = self.provenance() else {
            return Err(self.mismatch("the message is not signed, it has only a checksum"));
        };
        let Some(key) = keys.get(key_id) else {
            let text = "the key ring has not the key that the message names";
            return Err(Error::new(ErrorKind::PermissionDenied, text)
                .with("message", self.id())
                .with("key", key_id));
        };
        let outcome = key.mac(&self.0).verify_slice(code);
        outcome.map_err(|_| self.mismatch("the content does not match its signature"))
    }
}
