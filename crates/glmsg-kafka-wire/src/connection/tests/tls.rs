//! Secret connections.

use std::sync::Arc;

use glmsg_core::ErrorKind;
use kafka_protocol::messages::MetadataRequest;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::servers::{at, certificate, open, plain, refusal, secret, trusting};
use crate::endpoint::{Endpoint, TlsFiles};

fn chain(name: &str) -> Vec<CertificateDer<'static>> {
    let read = CertificateDer::pem_file_iter(certificate(name)).unwrap();
    read.collect::<Result<_, _>>().unwrap()
}

/// A server of TLS with one of the services' certificates, which hangs up on whom it let in; whether
/// it did is what it ends with. It may want a certificate of the client.
async fn server(name: &str, is_mutual: bool) -> (Endpoint, JoinHandle<bool>) {
    let key = PrivateKeyDer::from_pem_file(certificate(&format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = if is_mutual {
        let mut roots = RootCertStore::empty();
        roots.add(chain("ca.pem").remove(0)).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let config = builder.with_single_cert(chain(&format!("{name}.pem")), key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        match acceptor.accept(stream).into_fallible().await {
            Ok(_) => true,
            // What it says last is lost if it hangs up before the client does.
            Err((_, mut stream)) => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
                false
            }
        }
    });
    let mut endpoint = at(vec![("127.0.0.1".to_owned(), port)]);
    endpoint.tls = Some(trusting("ca.pem"));
    (endpoint, serving)
}

#[tokio::test]
async fn a_broker_that_wants_a_login_hangs_up_on_who_has_none() {
    let mut connection = open(&secret()).await;
    let version = connection.version::<MetadataRequest>(12).unwrap();
    let request = MetadataRequest::default();
    let lost = connection.ask(&request, version).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Unavailable);
    assert!(lost.to_string().contains("wants TLS or a login"), "{lost}");
    // It does not come back.
    let lost = connection.ask(&request, version).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_broker_that_wants_tls_is_not_asked_without() {
    let mut endpoint = secret();
    endpoint.tls = None;
    let refused = refusal(&endpoint).await;
    assert_eq!(refused.kind(), ErrorKind::ConfigInvalid);
    assert!(refused.to_string().contains("tls=true"), "{refused}");
}

#[tokio::test]
async fn a_broker_without_tls_hangs_up_on_who_greets() {
    let mut endpoint = plain();
    endpoint.tls = Some(trusting("ca.pem"));
    let lost = refusal(&endpoint).await;
    assert_eq!(lost.kind(), ErrorKind::Unavailable);
    assert!(lost.to_string().contains("TLS"), "{lost}");
}

#[tokio::test]
async fn a_broker_is_believed_only_with_a_good_certificate() {
    let mut endpoint = secret();
    endpoint.tls = Some(trusting("other-ca.pem"));
    let refused = refusal(&endpoint).await;
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    assert!(refused.message().contains("not trusted"), "{refused}");
    assert!(!refused.is_transient());

    let (endpoint, serving) = server("expired", false).await;
    let refused = refusal(&endpoint).await;
    assert!(!serving.await.unwrap());
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    assert!(refused.message().contains("expired"), "{refused}");

    let (endpoint, serving) = server("wrong-host", false).await;
    let refused = refusal(&endpoint).await;
    assert!(!serving.await.unwrap());
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    assert!(refused.message().contains("another host"), "{refused}");
}

#[tokio::test]
async fn a_broker_that_wants_our_certificate_says_so() {
    let (endpoint, serving) = server("server", true).await;
    let refused = refusal(&endpoint).await;
    assert!(!serving.await.unwrap());
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied, "{refused}");
    assert!(
        refused.message().contains("wants a certificate"),
        "{refused}"
    );

    let (mut endpoint, serving) = server("server", true).await;
    endpoint.tls = Some(TlsFiles {
        cert: Some(certificate("client.pem")),
        key: Some(certificate("client.key")),
        ..trusting("ca.pem")
    });
    let lost = refusal(&endpoint).await;
    assert!(serving.await.unwrap());
    assert_eq!(lost.kind(), ErrorKind::Unavailable, "{lost}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let nowhere = certificate("nowhere.pem");
    let cases = [
        (
            TlsFiles {
                ca: Some(nowhere.clone()),
                ..TlsFiles::default()
            },
            "ca cannot be read",
        ),
        (
            TlsFiles {
                ca: Some(certificate("server.key")),
                ..TlsFiles::default()
            },
            "no certificate",
        ),
        (
            TlsFiles {
                cert: Some(nowhere),
                ..trusting("ca.pem")
            },
            "go together",
        ),
        (
            TlsFiles {
                cert: Some(certificate("client.pem")),
                key: Some(certificate("server.key")),
                ..trusting("ca.pem")
            },
            "do not fit",
        ),
    ];
    for (files, expected) in cases {
        let mut endpoint = secret();
        endpoint.tls = Some(files);
        let refused = refusal(&endpoint).await;
        assert_eq!(refused.kind(), ErrorKind::ConfigInvalid, "{refused}");
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}
