//! TLS: rustls with the certificates of the configuration.
//!
//! Not that of redis-rs, which reads the system's certificates at every connect, and panics in a
//! program whose other crates have brought a second cryptography.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::TlsFiles;
use crate::error::{from_handshake, from_tls};

/// How long a server may take to greet. One that does not speak TLS often says nothing at all.
const GREETING: Duration = Duration::from_millis(1500);

/// Makes connections secret.
pub(super) struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    pub(super) fn load(files: &TlsFiles) -> Result<Self> {
        // Named, as rustls would panic where two are built in.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|e| from_tls(&e))?
            .with_root_certificates(trusted(files.ca.as_deref())?);
        let config = match (&files.cert, &files.key) {
            (Some(cert), Some(key)) => {
                let chain = certificates("cert", cert)?;
                let key =
                    PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable("key", key, e))?;
                builder.with_client_auth_cert(chain, key).map_err(|e| {
                    Error::new(ErrorKind::ConfigInvalid, "cert and key do not fit together")
                        .operation("open")
                        .source(e)
                })?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    pub(super) async fn wrap<S>(&self, host: &str, stream: S) -> Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Error::new(
                ErrorKind::ConfigInvalid,
                "the host is no name that a certificate could be for",
            )
        })?;
        match timeout(GREETING, self.0.connect(name, stream)).await {
            Ok(connected) => connected.map_err(|e| from_handshake(&e)),
            Err(_) => Err(Error::new(
                ErrorKind::Unavailable,
                "the server did not answer the greeting of TLS",
            )
            .remedy("check that the port is the one where the server speaks TLS")),
        }
    }
}

fn trusted(ca: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(ca) = ca else {
        let found = rustls_native_certs::load_native_certs();
        // Some files of a system are broken on many machines; what is trusted is the rest.
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "this system trusts no certificate authority",
            )
            .operation("open")
            .remedy("name the file of the server's authority: ca=PATH"));
        }
        return Ok(roots);
    };
    for certificate in certificates("ca", ca)? {
        roots.add(certificate).map_err(|e| {
            Error::new(ErrorKind::ConfigInvalid, "a certificate in ca is damaged")
                .operation("open")
                .with("path", ca.display())
                .source(e)
        })?;
    }
    Ok(roots)
}

fn certificates(setting: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|e| unreadable(setting, path, e))?;
    if found.is_empty() {
        return Err(Error::new(
            ErrorKind::ConfigInvalid,
            format!("the file of {setting} holds no certificate"),
        )
        .operation("open")
        .with("path", path.display())
        .remedy("name a file in PEM form"));
    }
    Ok(found)
}

fn unreadable(setting: &'static str, path: &Path, error: rustls::pki_types::pem::Error) -> Error {
    Error::new(
        ErrorKind::ConfigInvalid,
        format!("the file of {setting} cannot be read"),
    )
    .operation("open")
    .with("path", path.display())
    .remedy("name a file in PEM form that this user may read")
    .source(error)
}
