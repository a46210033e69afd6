//! What goes wrong on the way to a broker.

#[cfg(feature = "tls")]
mod tls;

use std::fmt::Display;
use std::io;

use glmsg_core::{Error, ErrorKind};

#[cfg(feature = "tls")]
pub(super) use self::tls::{from_handshake, from_tls};

const REACH: &str = "check that the cluster runs and can be reached, then try again";

/// The connection ended, or there never was one.
pub(super) fn unavailable() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the connection to a broker was lost or did not come about",
    )
    .remedy(REACH)
}

/// The network's error in glmsg's terms.
pub(super) fn from_io(error: &io::Error) -> Error {
    // Of TLS, a broker may refuse our certificate only after the greeting.
    #[cfg(feature = "tls")]
    if let Some(found) = tls::find_in(error) {
        return found;
    }
    match error.kind() {
        io::ErrorKind::TimedOut => silent(),
        // TLS ended without a farewell, which brokers do not send.
        io::ErrorKind::UnexpectedEof => ended(),
        _ => unavailable().with("detail", shown(error)),
    }
}

/// A task of ours did not come to its end: the program ends, or there is a defect.
pub(super) fn given_up() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the connection was given up while it came about",
    )
}

/// The broker hung up.
pub(super) fn ended() -> Error {
    unavailable().with("detail", "the broker closed it")
}

/// A host has no address.
pub(super) fn unresolved(error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the name of a broker cannot be resolved",
    )
    .with("detail", shown(error))
    .remedy("check the hosts of the URL, and the brokers' advertised.listeners")
}

/// No answer came.
pub(crate) fn silent() -> Error {
    Error::new(ErrorKind::Timeout, "the cluster did not answer in time").remedy(REACH)
}

/// A broker closes a connection that lacks TLS or a login, and does not say why.
pub(super) fn maybe_unheard(error: Error) -> Error {
    error.remedy(
        "check that the cluster runs and can be reached; if its port wants TLS or a login, \
         say so in the URL: kafka://USER:PASSWORD@HOST:PORT?tls=true&sasl=…",
    )
}

/// What answers speaks TLS, and we do not.
pub(super) fn wants_tls() -> Error {
    Error::new(
        ErrorKind::ConfigInvalid,
        "the broker speaks only TLS on this port",
    )
    .remedy("say so in the URL: tls=true, with ca=PATH where its authority is your own")
}

/// What came is no answer.
pub(super) fn malformed(detail: impl Display) -> Error {
    Error::new(
        ErrorKind::Codec,
        "a broker's answer is not of Kafka's protocol",
    )
    .with("detail", shown(detail))
    .remedy("check that the port is one of Kafka, and whether it wants TLS")
}

/// A request that the protocol has no form for.
pub(super) fn unwritable(detail: impl Display) -> Error {
    Error::new(
        ErrorKind::Codec,
        "a request cannot be written in the broker's version of the protocol",
    )
    .with("detail", shown(detail))
}

/// Of the errors of two brokers the one that tells more: that a broker is not there says less than
/// why another refused. Of two alike it is the later one.
pub(crate) fn closer(earlier: Option<Error>, later: Error) -> Error {
    match earlier {
        Some(earlier) if !earlier.is_transient() && later.is_transient() => earlier,
        _ => later,
    }
}

/// As much of another's text as is worth showing, on one line.
pub(super) fn shown(text: impl Display) -> String {
    let text = text.to_string();
    let text = text.trim().chars().take(160);
    text.map(|c| if c.is_control() { ' ' } else { c }).collect()
}
