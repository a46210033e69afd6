//! What Redis's errors mean here.

mod server;
#[cfg(feature = "tls")]
mod tls;

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use glmsg_core::{Error, ErrorKind};
use redis::{RedisError, ServerError};

#[cfg(feature = "tls")]
pub(crate) use tls::from_tls;

/// A server's refusal in glmsg's terms.
pub(crate) fn server_error(error: &ServerError) -> Error {
    server::describe(error.code(), error.details().unwrap_or_default())
}

/// The client's error in glmsg's terms. `was_sent` tells whether the server may have executed what
/// was asked.
pub(crate) fn from_redis(error: &RedisError, was_sent: bool) -> Error {
    #[cfg(feature = "tls")]
    if let Some(found) = tls::find_in(error) {
        return found;
    }
    if let Some(found) = find::<io::Error>(error) {
        return from_io(found, was_sent);
    }
    match error.kind() {
        redis::ErrorKind::Parse if was_sent => lost(true).with("detail", "an answer is damaged"),
        redis::ErrorKind::Parse => not_redis(),
        redis::ErrorKind::Io => lost(was_sent),
        _ => match error.code() {
            Some(code) => server::describe(code, error.detail().unwrap_or_default()),
            None => Error::new(ErrorKind::Unexpected, "the Redis client failed")
                .with("detail", server::shown(&error.to_string())),
        },
    }
}

/// The network's error in glmsg's terms.
pub(crate) fn from_io(error: &io::Error, was_sent: bool) -> Error {
    let text = match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens at the server's address",
        io::ErrorKind::TimedOut => "the server did not answer in time",
        _ => return lost(was_sent).with("detail", error),
    };
    unknown_or_undone(text, was_sent)
}

/// What answers is no Redis server.
pub(crate) fn not_redis() -> Error {
    Error::new(
        ErrorKind::ConfigInvalid,
        "the server's answer is not of the Redis protocol",
    )
    .remedy("check the port, and whether the server wants rediss://")
}

/// Why a connection did not come about.
pub(crate) fn from_handshake(error: &io::Error) -> Error {
    #[cfg(feature = "tls")]
    if let Some(found) = tls::find_in(error) {
        return found;
    }
    from_io(error, false)
}

/// The connection ended.
pub(crate) fn lost(was_sent: bool) -> Error {
    unknown_or_undone("the connection to the server was lost", was_sent)
}

/// The server was silent for too long.
pub(crate) fn silent(was_sent: bool) -> Error {
    unknown_or_undone("the server did not answer in time", was_sent)
}

fn unknown_or_undone(text: &str, was_sent: bool) -> Error {
    let kind = if was_sent {
        ErrorKind::Indeterminate
    } else {
        ErrorKind::Unavailable
    };
    Error::new(kind, text).remedy("check that the server runs and can be reached, then try again")
}

/// After `close`.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the broker is closed")
}

/// An answer of a form that no version of the server is known to give.
pub(crate) fn surprise(what: &str) -> Error {
    Error::new(
        ErrorKind::Unexpected,
        format!("the server's answer to {what} has an unknown form"),
    )
}

/// The first cause of a type.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = inside(error).or_else(|| error.source());
    }
    None
}

/// What wraps another error without having it among its sources.
fn inside<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    if let Some(shared) = error.downcast_ref::<Arc<dyn StdError + Send + Sync>>() {
        return Some(&**shared);
    }
    let error: &io::Error = error.downcast_ref()?;
    Some(error.get_ref()?)
}

#[cfg(test)]
mod tests;
