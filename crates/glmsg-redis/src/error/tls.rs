//! What went wrong with TLS.

use std::error::Error as StdError;

use glmsg_core::{Error, ErrorKind};
use rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::find;

/// The error of TLS that is the cause of another, if one is.
pub(super) fn find_in(error: &(dyn StdError + 'static)) -> Option<Error> {
    find::<TlsError>(error).map(from_tls)
}

/// The error of rustls in glmsg's terms.
pub(crate) fn from_tls(error: &TlsError) -> Error {
    match error {
        TlsError::InvalidCertificate(reason) => distrusted(reason),
        TlsError::InvalidMessage(_) => Error::new(
            ErrorKind::ConfigInvalid,
            "the server does not speak TLS on this port",
        )
        .remedy("name its TLS port; the connection is not made without TLS"),
        TlsError::AlertReceived(alert) => refused(*alert),
        _ => Error::new(
            ErrorKind::PermissionDenied,
            "no secret connection could be made",
        )
        .with("tls", error),
    }
}

fn distrusted(reason: &CertificateError) -> Error {
    let (text, remedy) = match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "the server's certificate has expired",
            "renew it, or check this machine's clock",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "the server's certificate is not valid yet",
            "check this machine's clock",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "the server's certificate is for another host",
            "connect to a host that the certificate names",
        ),
        CertificateError::UnknownIssuer => (
            "the server's certificate is signed by an authority that is not trusted",
            "name the file of the server's authority: ca=PATH",
        ),
        _ => ("the server's certificate is not valid", "renew it"),
    };
    Error::new(ErrorKind::PermissionDenied, text)
        .with("tls", reason)
        .remedy(remedy)
}

fn refused(alert: AlertDescription) -> Error {
    let text = match alert {
        AlertDescription::CertificateRequired => "the server wants a certificate of ours",
        AlertDescription::BadCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::UnsupportedCertificate => "the server refuses our certificate",
        _ => "the server refuses the secret connection",
    };
    Error::new(ErrorKind::PermissionDenied, text)
        .with("tls", format!("{alert:?}"))
        .remedy("name a certificate that the server trusts, and its key: cert=PATH&key=PATH")
}
