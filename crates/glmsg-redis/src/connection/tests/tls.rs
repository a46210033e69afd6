//! Secret connections, and the ones that are not made.

use std::path::PathBuf;

use glmsg_core::ErrorKind;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::servers::*;
use crate::config::{RedisConfig, TlsFiles};

fn file(name: &str) -> String {
    let path = PathBuf::from(service("TLS_DIR")).join(name);
    path.display().to_string()
}

fn ours() -> TlsFiles {
    let files = TlsFiles::new().ca(file("ca.pem"));
    files.client(file("client.pem"), file("client.key"))
}

fn config(url: &str, files: TlsFiles) -> RedisConfig {
    RedisConfig::from_url(url).unwrap().tls(files)
}

/// A server that speaks TLS with a certificate of this name.
async fn server(certificate: &str, auth_clients: &str) -> (Server, String) {
    let server = Server::start(&[
        "--tls-auth-clients",
        auth_clients,
        "--tls-ca-cert-file",
        &file("ca.pem"),
        "--tls-cert-file",
        &file(&format!("{certificate}.pem")),
        "--tls-key-file",
        &file(&format!("{certificate}.key")),
    ])
    .await;
    let url = server.url().replace("redis://", "rediss://");
    (server, url)
}

#[tokio::test]
async fn a_server_and_we_trust_each_other() {
    let link = open_config(config(&service("TLS_URL"), ours())).await;
    let big = "x".repeat(300_000);
    let commands = pipeline(&[&["ECHO", &big], &["PING"]]);
    let replies = link.send(0, &commands).await.unwrap();
    assert_eq!(text(&replies.values[0]).len(), big.len());
    let mut dedicated = link.dedicated(0).await.unwrap();
    let ping = pipeline(&[&["PING"]]);
    let within = std::time::Duration::from_secs(5);
    assert_eq!(
        text(&dedicated.ask(&ping, within).await.unwrap()[0]),
        "PONG"
    );
    let parts = [
        format!("ca={}", file("ca.pem")),
        format!("cert={}", file("client.pem")),
        format!("key={}", file("client.key")),
    ];
    let url = format!("{}?{}", service("TLS_URL"), parts.join("&"));
    open(&url).await;
}

#[tokio::test]
async fn a_certificate_of_ours_is_not_always_needed() {
    let (_server, url) = server("server", "no").await;
    let config = config(&url, TlsFiles::new().ca(file("ca.pem")));
    let link = open_config(config).await;
    link.send(0, &pipeline(&[&["PING"]])).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_refused() {
    let (_expired, expired) = server("expired", "no").await;
    let (_other, wrong_host) = server("wrong-host", "no").await;
    let good = service("TLS_URL");
    let ca = TlsFiles::new().ca(file("ca.pem"));
    let other_ca = TlsFiles::new().ca(file("other-ca.pem"));
    for (url, files, named) in [
        (&expired, ca.clone(), "has expired"),
        (&wrong_host, ca, "another host"),
        (&good, other_ca, "ca=PATH"),
        // The authority of this machine is not the test's.
        (&good, TlsFiles::new(), "authority"),
    ] {
        let error = refusal(config(url, files)).await;
        let allowed = [ErrorKind::PermissionDenied, ErrorKind::ConfigInvalid];
        assert!(allowed.contains(&error.kind()), "{named}: {error}");
        assert!(error.to_string().contains(named), "{named}: {error}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn a_server_that_does_not_trust_us_refuses() {
    let good = service("TLS_URL");
    let ca = TlsFiles::new().ca(file("ca.pem"));
    let error = refusal(config(&good, ca.clone())).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("cert=PATH"), "{error}");
    let expired = ca.client(file("expired.pem"), file("expired.key"));
    let error = refusal(config(&good, expired)).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn nothing_goes_out_in_the_clear() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let hearing = tokio::spawn(async move {
        let mut heard = Vec::new();
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 65536];
            while let Ok(read @ 1..) = client.read(&mut bytes).await {
                heard.extend_from_slice(&bytes[..read]);
                if heard.len() > 200 {
                    return heard;
                }
            }
        }
    });
    let url = format!("rediss://app:c4n4ry@{addr}?timeout_ms=100");
    let error = refusal(config(&url, ours())).await;
    let heard = hearing.await.unwrap();
    assert_eq!(heard[0], 0x16, "a greeting of TLS");
    assert!(!heard.windows(6).any(|part| part == b"c4n4ry"));
    assert!(!format!("{error:?}").contains("c4n4ry"));
}

#[tokio::test]
async fn a_server_without_tls_is_refused() {
    // One that says nothing to what it does not understand, and one that answers.
    let silent = service("REDIS7_URL").replace("redis://", "rediss://");
    let error = refusal(config(&format!("{silent}?timeout_ms=2500"), ours())).await;
    let kinds = [ErrorKind::Unavailable, ErrorKind::ConfigInvalid];
    assert!(kinds.contains(&error.kind()), "{error}");
    assert!(error.to_string().contains("TLS"), "{error}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("rediss://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let answer = b"-ERR unknown command, with args beginning with:\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut client, answer)
                .await
                .unwrap();
        }
    });
    let error = refusal(config(&url, ours())).await;
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
}

#[tokio::test]
async fn a_server_with_tls_is_not_used_without() {
    let url = service("TLS_URL").replace("rediss://", "redis://");
    let url = format!("{url}?timeout_ms=300");
    let error = refusal(RedisConfig::from_url(&url).unwrap()).await;
    assert!(error.to_string().contains("rediss://"), "{error}");
}

#[tokio::test]
async fn files_that_are_none_are_named() {
    let url = service("TLS_URL");
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let broken = dir.path().join("broken.pem");
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&broken, text).unwrap();
    for (files, named) in [
        (TlsFiles::new().ca(dir.path().join("none")), "none"),
        (TlsFiles::new().ca(&empty), "empty.pem"),
        (TlsFiles::new().ca(&broken), "broken.pem"),
        (ours().client(file("client.pem"), &empty), "empty.pem"),
        (ours().client(&empty, file("client.key")), "empty.pem"),
        (
            ours().client(file("client.pem"), file("server.key")),
            "fit together",
        ),
    ] {
        let error = refusal(config(&url, files)).await;
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}
