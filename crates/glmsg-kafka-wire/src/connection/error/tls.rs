//! What went wrong with TLS.

use std::io;

use glmsg_core::{Error, ErrorKind};
use rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::{from_io, unavailable};

/// Why no secret connection came about.
pub(in super::super) fn from_handshake(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        // So does a broker that does not speak TLS on the port.
        return unavailable()
            .with("detail", "the broker closed it at the greeting of TLS")
            .remedy(
                "check that the cluster runs, and that the port is one where it speaks TLS; \
                 without TLS it is tls=false",
            );
    }
    from_io(error)
}

/// The error of TLS that is the cause of the network's, if one is.
pub(super) fn find_in(error: &io::Error) -> Option<Error> {
    let inside = error.get_ref()?;
    inside.downcast_ref::<TlsError>().map(from_tls)
}

/// The error of rustls in glmsg's terms.
pub(in super::super) fn from_tls(error: &TlsError) -> Error {
    match error {
        TlsError::InvalidCertificate(reason) => distrusted(reason),
        TlsError::InvalidMessage(_) => Error::new(
            ErrorKind::ConfigInvalid,
            "the broker does not speak TLS on this port",
        )
        .remedy("name its TLS port; the connection is not made without TLS"),
        TlsError::AlertReceived(alert) => refused(*alert),
        _ => Error::new(
            ErrorKind::PermissionDenied,
            "no secret connection could be made",
        )
        .with("tls", error)
        .remedy("name the file of the cluster's authority: ca=PATH; check hosts, port and clock"),
    }
}

fn distrusted(reason: &CertificateError) -> Error {
    let (text, remedy) = match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "the broker's certificate has expired",
            "renew it, or check this machine's clock",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "the broker's certificate is not valid yet",
            "check this machine's clock",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "the broker's certificate is for another host",
            "name hosts that the certificate is for, also in the brokers' advertised.listeners",
        ),
        CertificateError::UnknownIssuer => (
            "the broker's certificate is signed by an authority that is not trusted",
            "name the file of the cluster's authority: ca=PATH",
        ),
        _ => ("the broker's certificate is not valid", "renew it"),
    };
    Error::new(ErrorKind::PermissionDenied, text)
        .with("tls", reason)
        .remedy(remedy)
}

fn refused(alert: AlertDescription) -> Error {
    let text = match alert {
        AlertDescription::CertificateRequired => "the broker wants a certificate of ours",
        AlertDescription::BadCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::UnsupportedCertificate => "the broker refuses our certificate",
        _ => "the broker refuses the secret connection",
    };
    Error::new(ErrorKind::PermissionDenied, text)
        .with("tls", format!("{alert:?}"))
        .remedy("name a certificate that the cluster trusts, and its key: cert=PATH&key=PATH")
}
