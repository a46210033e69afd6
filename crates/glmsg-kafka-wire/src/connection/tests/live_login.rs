//! Logins at a broker that runs.

use glmsg_core::ErrorKind;
use kafka_protocol::messages::MetadataRequest;

use super::servers::{open, plain, refusal, sasl};
use crate::cluster::Cluster;
use crate::endpoint::{Mechanism, Password};

#[tokio::test]
async fn a_broker_lets_in_who_knows_the_password() {
    let mut connection = open(&sasl()).await;
    let version = connection.version::<MetadataRequest>(12).unwrap();
    let request = MetadataRequest::default();
    let answer = connection.ask(&request, version).await.unwrap();
    assert_eq!(answer.brokers.len(), 1);
    // This broker's logins are good for ever.
    assert!(!connection.is_due());

    let cluster = Cluster::new(sasl());
    cluster.ask(&["none"]).await.unwrap();
    assert_eq!(cluster.leaders("none").unwrap().code, 3);
    let mut other = cluster.connect(answer.brokers[0].node_id.0).await.unwrap();
    other.ask(&request, version).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_or_user_is_refused() {
    for (user, password) in [
        ("glmsg", "wrong-c4n4ry"),
        ("nobody", "wrong-c4n4ry"),
        ("", ""),
    ] {
        let mut endpoint = sasl();
        let login = endpoint.login.as_mut().unwrap();
        login.user = user.to_owned();
        login.password = Password::Text(password.to_owned());
        let refused = refusal(&endpoint).await;
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied, "{refused}");
        assert_eq!(refused.context("user"), Some(user));
        for text in [format!("{refused:?}"), format!("{endpoint:?}")] {
            assert!(!text.contains("wrong-c4n4ry"), "{text}");
        }
        let refused = Cluster::new(endpoint).ask(&["any"]).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied, "{refused}");
    }
}

#[tokio::test]
async fn a_broker_says_which_mechanisms_it_knows() {
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256] {
        let mut endpoint = sasl();
        endpoint.login.as_mut().unwrap().mechanism = mechanism;
        let refused = refusal(&endpoint).await;
        assert_eq!(refused.kind(), ErrorKind::ConfigInvalid);
        assert_eq!(refused.context("known"), Some("SCRAM-SHA-512"));
        assert_eq!(refused.context("sasl"), Some(mechanism.name()));
    }
}

#[tokio::test]
async fn a_broker_without_logins_takes_none() {
    let mut endpoint = plain();
    endpoint.login = sasl().login;
    let refused = refusal(&endpoint).await;
    assert_eq!(refused.kind(), ErrorKind::ConfigInvalid, "{refused}");
    assert!(refused.message().contains("wants no login"), "{refused}");
}
