//! What goes wrong on the way to a broker.

use std::fmt::Display;
use std::io;

use glmsg_core::{Error, ErrorKind};

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
    if error.kind() == io::ErrorKind::TimedOut {
        return silent();
    }
    unavailable().with("detail", shown(error))
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
