//! Logging in: SASL with a password.

mod scram;

use std::time::Duration;

use bytes::{Buf, Bytes};
use glmsg_core::{Error, ErrorKind, Result};
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::StrBytes;
use tokio::task::spawn_blocking;

use self::scram::{Family, Scram};
use super::channel::Channel;
use super::error::{given_up, malformed, shown};
use super::versions::Versions;
use crate::endpoint::{Login, Mechanism, Password};

const UNSUPPORTED_SASL_MECHANISM: i16 = 33;
const ILLEGAL_SASL_STATE: i16 = 34;
const SASL_AUTHENTICATION_FAILED: i16 = 58;

/// From this version on, what follows is sent in requests and not bare.
const FRAMED: i16 = 1;

/// The newest version with the answer to a step.
const STEP: i16 = 2;

impl Mechanism {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Logs in; returns how long the broker takes that for good, if it says so.
///
/// User and password go to the broker as they are. RFC 5802 has them prepared by SASLprep, which
/// Kafka does not: its brokers store a password's bytes as they came.
pub(super) async fn log_in(
    channel: &mut Channel,
    versions: &Versions,
    login: &Login,
) -> Result<Option<Duration>> {
    let password = read(&login.password).map_err(|e| e.with("user", &login.user))?;
    let entered = match enter(channel, versions, login, password.clone()).await {
        Ok(answer) => answer,
        Err(error) => return Err(error.with("user", &login.user)),
    };
    let lifetime = u64::try_from(entered.session_lifetime_ms).unwrap_or_default();
    Ok((lifetime > 0).then(|| Duration::from_millis(lifetime)))
}

async fn enter(
    channel: &mut Channel,
    versions: &Versions,
    login: &Login,
    password: String,
) -> Result<SaslAuthenticateResponse> {
    choose(channel, versions, login.mechanism).await?;
    let mut steps = Steps {
        version: versions.highest::<SaslAuthenticateRequest>(STEP)?,
        secret: password.clone(),
        channel,
    };
    let family = match login.mechanism {
        Mechanism::Plain => {
            return steps.step(plain(&login.user, &password)?).await;
        }
        Mechanism::ScramSha256 => Family::Sha256,
        Mechanism::ScramSha512 => Family::Sha512,
    };
    let scram = Scram::new(family, &login.user, &scram::nonce());
    let first = steps.step(scram.first()).await?.auth_bytes;
    // It takes some milliseconds of computing, and as many more as the broker has it do.
    let proving = spawn_blocking(move || scram.prove(&first, &password)).await;
    let (proof, expected) = proving.map_err(|_| given_up())??;
    let last = steps.step(proof).await?;
    expected.check(&last.auth_bytes)?;
    Ok(last)
}

/// Says by which mechanism.
async fn choose(channel: &mut Channel, versions: &Versions, mechanism: Mechanism) -> Result<()> {
    let version = versions.highest::<SaslHandshakeRequest>(FRAMED)?;
    if version < FRAMED {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the broker knows only logins of Kafka before 1.0",
        ));
    }
    let name = StrBytes::from_static_str(mechanism.name());
    let request = SaslHandshakeRequest::default().with_mechanism(name);
    let answer = channel.ask(&request, version).await?;
    // The decoder would believe any count; each entry has at least its length.
    let mut rest = answer.left();
    let (_code, count) = (rest.try_get_i16(), rest.try_get_u32());
    if count.is_ok_and(|count| count as usize > rest.len() / 2) {
        return Err(malformed("it has fewer entries than it says"));
    }
    let answer = answer.read::<SaslHandshakeRequest>(version)?;
    match answer.error_code {
        0 => Ok(()),
        code => Err(not_chosen(code, &answer).with("sasl", mechanism.name())),
    }
}

fn not_chosen(code: i16, answer: &SaslHandshakeResponse) -> Error {
    if code != UNSUPPORTED_SASL_MECHANISM {
        return refused(code);
    }
    let known: Vec<&str> = answer.mechanisms.iter().map(|name| &**name).collect();
    Error::new(
        ErrorKind::ConfigInvalid,
        "the cluster does not know this way to log in",
    )
    .with("known", shown(known.join(" ")))
    .remedy("choose another: sasl=plain, scram-sha-256 or scram-sha-512")
}

/// The steps of a login.
struct Steps<'a> {
    channel: &'a mut Channel,
    version: i16,
    /// What a broker may send back to us, and is not to be shown.
    secret: String,
}

impl Steps<'_> {
    async fn step(&mut self, bytes: Vec<u8>) -> Result<SaslAuthenticateResponse> {
        let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(bytes));
        let answer = self.channel.ask(&request, self.version).await?;
        let answer = answer.read::<SaslAuthenticateRequest>(self.version)?;
        if answer.error_code == 0 {
            return Ok(answer);
        }
        let error = refused(answer.error_code);
        Err(match answer.error_message.as_deref().unwrap_or_default() {
            "" => error,
            text if self.secret.is_empty() => error.with("kafka", shown(text)),
            text => error.with("kafka", shown(text.replace(&self.secret, "***"))),
        })
    }
}

#[cold]
fn refused(code: i16) -> Error {
    match code {
        SASL_AUTHENTICATION_FAILED => Error::new(
            ErrorKind::PermissionDenied,
            "the cluster refuses the user or the password",
        )
        .remedy(
            "check the login of the URL, password_file, and that sasl names what the cluster uses",
        ),
        ILLEGAL_SASL_STATE => Error::new(
            ErrorKind::ConfigInvalid,
            "the cluster wants no login, or another one",
        )
        .remedy("take the login out of the URL, or name the port that takes logins"),
        code => {
            Error::new(ErrorKind::Unexpected, "Kafka answered with an error").with("code", code)
        }
    }
}

/// What `PLAIN` sends (RFC 4616): who acts, which is who logs in, and the password.
fn plain(user: &str, password: &str) -> Result<Vec<u8>> {
    if user.contains('\0') || password.contains('\0') {
        return Err(Error::new(
            ErrorKind::ConfigInvalid,
            "a user or a password of sasl=plain has no zero byte",
        ));
    }
    Ok(format!("\0{user}\0{password}").into_bytes())
}

fn read(password: &Password) -> Result<String> {
    let path = match password {
        Password::Text(text) => return Ok(text.clone()),
        Password::File(path) => path,
    };
    let text = std::fs::read_to_string(path).map_err(|e| {
        Error::new(ErrorKind::ConfigInvalid, "password_file cannot be read")
            .with("path", path.display())
            .source(e)
    })?;
    // An editor ends the last line; a password does not end so.
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests;
