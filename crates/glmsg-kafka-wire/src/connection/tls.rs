//! TLS: rustls with the certificates of the endpoint.

use std::path::Path;
use std::sync::Arc;

use glmsg_core::{Error, ErrorKind, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::{from_handshake, from_tls, given_up};
use crate::endpoint::TlsFiles;

/// Makes a connection secret. The files are read each time, so that new ones are noticed.
pub(super) async fn wrap(
    files: &TlsFiles,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        Error::new(
            ErrorKind::ConfigInvalid,
            "the host is no name that a certificate could be for",
        )
    })?;
    let files = files.clone();
    let loaded = spawn_blocking(move || load(&files)).await;
    let config = loaded.map_err(|_| given_up())??;
    let connecting = TlsConnector::from(config).connect(name, stream).await;
    connecting.map_err(|e| from_handshake(&e))
}

fn load(files: &TlsFiles) -> Result<Arc<ClientConfig>> {
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
            let key = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable("key", key, e))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| {
                Error::new(ErrorKind::ConfigInvalid, "cert and key do not fit together")
                    .operation("open")
                    .source(e)
            })?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "a certificate and its key go together",
            )
            .operation("open")
            .remedy("name both: cert=PATH&key=PATH"));
        }
    };
    Ok(Arc::new(config))
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
            .remedy("name the file of the cluster's authority: ca=PATH"));
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
