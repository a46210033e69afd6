//! SCRAM (RFC 5802, RFC 7677): a password is proved and not told, and the broker proves that it
//! knows it too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use glmsg_core::{Error, ErrorKind, Result};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

/// How often a password is hashed: fewer rounds than Kafka allows would let who listens guess it,
/// and more than anybody uses would keep us busy for a broker that only pretends.
const ROUNDS: std::ops::RangeInclusive<u32> = 4096..=10_000_000;

/// What binds the login to a channel: nothing.
const UNBOUND: &str = "n,,";

/// Which hash.
#[derive(Debug, Clone, Copy)]
pub(super) enum Family {
    Sha256,
    Sha512,
}

/// A login that begins.
pub(super) struct Scram {
    family: Family,
    nonce: String,
    /// The first message, without what binds it.
    first: String,
}

/// What the broker is to say, if it knows the password.
pub(super) struct Expected {
    family: Family,
    key: Vec<u8>,
    message: String,
}

/// What nobody can know before, so that no earlier login can be sent again.
pub(super) fn nonce() -> String {
    STANDARD.encode(rand::random::<[u8; 24]>())
}

impl Scram {
    pub(super) fn new(family: Family, user: &str, nonce: &str) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self {
            family,
            nonce: nonce.to_owned(),
            first: format!("n={user},r={nonce}"),
        }
    }

    /// The first message.
    pub(super) fn first(&self) -> Vec<u8> {
        format!("{UNBOUND}{}", self.first).into_bytes()
    }

    /// Answers the broker's first message; returns the last one, and what is to follow.
    pub(super) fn prove(&self, challenge: &[u8], password: &str) -> Result<(Vec<u8>, Expected)> {
        let text = std::str::from_utf8(challenge).map_err(|_| untrue("it is no text"))?;
        let challenge = Challenge::read(text, &self.nonce)?;
        let bound = STANDARD.encode(UNBOUND);
        let last = format!("c={bound},r={}", challenge.nonce);
        let message = format!("{},{text},{last}", self.first);
        let (proof, key) = match self.family {
            Family::Sha256 => prove::<Hmac<Sha256>, Sha256>(password, &challenge, &message),
            Family::Sha512 => prove::<Hmac<Sha512>, Sha512>(password, &challenge, &message),
        }?;
        let expected = Expected {
            family: self.family,
            key,
            message,
        };
        let last = format!("{last},p={}", STANDARD.encode(proof));
        Ok((last.into_bytes(), expected))
    }
}

impl Expected {
    /// Checks the broker's last message.
    pub(super) fn check(&self, last: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(last).map_err(|_| untrue("it is no text"))?;
        // More may follow.
        let first = text.split(',').next().unwrap_or_default();
        let signature = first.strip_prefix("v=").ok_or_else(|| untrue("no proof"))?;
        let signature = STANDARD.decode(signature);
        let signature = signature.map_err(|_| untrue("its proof is no base64"))?;
        let is_right = match self.family {
            Family::Sha256 => verify::<Hmac<Sha256>>(&self.key, &self.message, &signature),
            Family::Sha512 => verify::<Hmac<Sha512>>(&self.key, &self.message, &signature),
        };
        if is_right {
            Ok(())
        } else {
            Err(untrue("its proof is wrong"))
        }
    }
}

/// The broker's first message.
struct Challenge<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    rounds: u32,
}

impl<'a> Challenge<'a> {
    fn read(text: &'a str, ours: &str) -> Result<Self> {
        // In this order. An extension that must be understood would come before.
        let mut parts = text.split(',');
        let mut part = |name| parts.next().and_then(|part| part.strip_prefix(name));
        let (Some(nonce), Some(salt), Some(rounds)) = (part("r="), part("s="), part("i=")) else {
            return Err(untrue("its challenge has another form"));
        };
        if !nonce.starts_with(ours) || nonce.len() == ours.len() {
            return Err(untrue("its challenge is not for this login"));
        }
        let salt = STANDARD.decode(salt);
        let salt = salt.map_err(|_| untrue("its salt is no base64"))?;
        let rounds = rounds.parse().ok().filter(|rounds| ROUNDS.contains(rounds));
        let rounds = rounds.ok_or_else(|| untrue("it wants too few rounds or too many"))?;
        Ok(Self {
            nonce,
            salt,
            rounds,
        })
    }
}

/// The proof of a password, and the key that the broker proves with.
fn prove<M, D>(
    password: &str,
    challenge: &Challenge<'_>,
    message: &str,
) -> Result<(Vec<u8>, Vec<u8>)>
where
    M: Mac + KeyInit + Clone,
    D: Digest,
{
    let salted = salt::<M>(password, challenge)?;
    let mut proof = sign::<M>(&salted, b"Client Key")?;
    let stored = D::digest(&proof);
    let signature = sign::<M>(&stored, message.as_bytes())?;
    mix(&mut proof, &signature);
    Ok((proof, sign::<M>(&salted, b"Server Key")?))
}

/// The password, made slow to guess: `Hi` of the RFC, the first block of PBKDF2.
fn salt<M: Mac + KeyInit + Clone>(password: &str, challenge: &Challenge<'_>) -> Result<Vec<u8>> {
    let keyed = key::<M>(password.as_bytes())?;
    let first = keyed.clone().chain_update(&challenge.salt);
    let mut last = first.chain_update([0, 0, 0, 1]).finalize().into_bytes();
    let mut salted = last.to_vec();
    for _ in 1..challenge.rounds {
        last = keyed.clone().chain_update(&last).finalize().into_bytes();
        mix(&mut salted, &last);
    }
    Ok(salted)
}

fn mix(into: &mut [u8], other: &[u8]) {
    for (byte, other) in into.iter_mut().zip(other) {
        *byte ^= other;
    }
}

fn sign<M: Mac + KeyInit>(secret: &[u8], message: &[u8]) -> Result<Vec<u8>> {
    let signed = key::<M>(secret)?.chain_update(message);
    Ok(signed.finalize().into_bytes().to_vec())
}

/// In a time that does not tell how much of it is right.
fn verify<M: Mac + KeyInit>(secret: &[u8], message: &str, signature: &[u8]) -> bool {
    let keyed = key::<M>(secret).map(|keyed| keyed.chain_update(message));
    keyed.is_ok_and(|keyed| keyed.verify_slice(signature).is_ok())
}

fn key<M: KeyInit>(secret: &[u8]) -> Result<M> {
    // No length is refused by HMAC.
    M::new_from_slice(secret)
        .map_err(|_| Error::new(ErrorKind::Unexpected, "a password cannot be used as a key"))
}

/// What answers does not know the password, or does not keep to the protocol.
#[cold]
fn untrue(detail: &'static str) -> Error {
    Error::new(
        ErrorKind::PermissionDenied,
        "the broker does not prove that it knows the password",
    )
    .with("detail", detail)
    .remedy("check the hosts, and whether what answers there is the cluster that is meant")
}

#[cfg(test)]
mod tests;
