//! The files TLS needs.

use std::path::PathBuf;

/// The files TLS needs, all PEM. The server's certificate is verified in any case. They are read
/// when the broker is opened.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// Who may have signed the server's certificate. Default: whom the system trusts.
    pub ca: Option<PathBuf>,
    /// Our certificate, for a server that asks for one.
    pub cert: Option<PathBuf>,
    /// The private key of our certificate.
    pub key: Option<PathBuf>,
}

impl TlsFiles {
    /// No files: the system's trust, and no certificate of ours.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`ca`](Self::ca).
    #[must_use]
    pub fn ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = Some(path.into());
        self
    }

    /// Sets [`cert`](Self::cert) and [`key`](Self::key).
    #[must_use]
    pub fn client(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.cert = Some(cert.into());
        self.key = Some(key.into());
        self
    }
}
