//! Brokers that run, which tests find and never start.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use glmsg_core::Error;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::{CreateTopicsRequest, DeleteTopicsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::connection::Connection;
use crate::endpoint::Endpoint;
#[cfg(feature = "tls")]
use crate::endpoint::{Login, Mechanism, Password, TlsFiles};

/// The value of a key, from the environment or from what `cargo xtask services up` wrote.
pub(crate) fn service(key: &str) -> String {
    if let Ok(value) = std::env::var(format!("GLMSG_{key}")) {
        return value;
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let mut files: Vec<PathBuf> = target.into_iter().collect();
    files.extend(manifest.ancestors().map(|root| root.join("target")));
    let found = files.iter().find_map(|file| {
        let text = std::fs::read_to_string(file.join("services/services.env")).ok()?;
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        let found = lines.find(|(found, _)| *found == key);
        found.map(|(_, value)| value.to_owned())
    });
    found.unwrap_or_else(|| {
        panic!("{key} is not known: run `cargo xtask services up kafka kafka-sasl` first")
    })
}

/// A name for a topic that no other test uses.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("wire-{what}-{}-{number}", std::process::id())
}

/// The cluster that wants neither TLS nor a login.
pub(crate) fn plain() -> Endpoint {
    let url = service("KAFKA_URL");
    at(servers(url.trim_start_matches("kafka://")))
}

/// The cluster that wants TLS and a login, without the login.
#[cfg(feature = "tls")]
pub(crate) fn secret() -> Endpoint {
    let url = service("KAFKA_SASL_URL");
    let (authority, _) = url.split_once('?').unwrap();
    let (_, hosts) = authority.rsplit_once('@').unwrap();
    let mut endpoint = at(servers(hosts));
    endpoint.tls = Some(trusting("ca.pem"));
    endpoint
}

/// The cluster that wants TLS and a login, with the one it takes.
#[cfg(feature = "tls")]
pub(crate) fn sasl() -> Endpoint {
    let url = service("KAFKA_SASL_URL");
    let (user, rest) = url.trim_start_matches("kafka://").split_once(':').unwrap();
    let (password, _) = rest.rsplit_once('@').unwrap();
    let login = Login {
        mechanism: Mechanism::ScramSha512,
        user: user.to_owned(),
        password: Password::Text(password.to_owned()),
    };
    Endpoint {
        login: Some(login),
        ..secret()
    }
}

/// Files of TLS that trust one of the authorities of the services.
#[cfg(feature = "tls")]
pub(crate) fn trusting(authority: &str) -> TlsFiles {
    TlsFiles {
        ca: Some(certificate(authority)),
        ..TlsFiles::default()
    }
}

/// A file with a certificate or key of the services.
#[cfg(feature = "tls")]
pub(crate) fn certificate(name: &str) -> PathBuf {
    PathBuf::from(service("TLS_DIR")).join(name)
}

/// An endpoint without TLS and login.
pub(crate) fn at(servers: Vec<(String, u16)>) -> Endpoint {
    Endpoint {
        servers,
        client_id: "wire-test".to_owned(),
        timeout: Duration::from_secs(20),
        tls: None,
        login: None,
    }
}

/// Hosts and ports of a URL's authority.
pub(crate) fn servers(text: &str) -> Vec<(String, u16)> {
    let each = text.split(',').map(|server| {
        let (host, port) = server.rsplit_once(':').unwrap();
        (host.to_owned(), port.parse().unwrap())
    });
    each.collect()
}

/// A connection to the first server.
pub(crate) async fn open(endpoint: &Endpoint) -> Connection {
    let (host, port) = &endpoint.servers[0];
    Connection::open(endpoint, host, *port).await.unwrap()
}

/// Why a connection to the first server does not come about.
pub(crate) async fn refusal(endpoint: &Endpoint) -> Error {
    let (host, port) = &endpoint.servers[0];
    let opened = Connection::open(endpoint, host, *port).await;
    opened.map(drop).unwrap_err()
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// Makes a topic.
pub(crate) async fn create(connection: &mut Connection, topic: &str, partitions: i32) {
    let topic = CreatableTopic::default()
        .with_name(name(topic))
        .with_num_partitions(partitions)
        .with_replication_factor(1);
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(15_000);
    let version = connection.version::<CreateTopicsRequest>(7).unwrap();
    let answer = connection.ask(&request, version).await.unwrap();
    assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
}

/// Deletes a topic.
pub(crate) async fn delete(connection: &mut Connection, topic: &str) {
    let version = connection.version::<DeleteTopicsRequest>(6).unwrap();
    let topic = DeleteTopicState::default().with_name(Some(name(topic)));
    let request = DeleteTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(15_000);
    let answer = connection.ask(&request, version).await.unwrap();
    assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
}
