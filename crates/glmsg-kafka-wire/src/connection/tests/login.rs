//! Logins at brokers that are scripts.

use std::time::Duration;

use bytes::Bytes;
use glmsg_core::ErrorKind;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use super::script::{Client, Script};
use super::servers::{open, refusal};
use crate::endpoint::{Endpoint, Login, Mechanism, Password};

fn endpoint(script: &Script, mechanism: Mechanism) -> Endpoint {
    let login = Login {
        mechanism,
        user: "me".to_owned(),
        password: Password::Text("c4n4ry".to_owned()),
    };
    Endpoint {
        login: Some(login),
        ..script.endpoint()
    }
}

/// Accepts a client and the mechanism that it names.
async fn chosen(script: &Script, mechanism: &str) -> Client {
    let mut client = script.welcome().await;
    let asked = client.asked::<SaslHandshakeRequest>().await;
    let request = asked.read::<SaslHandshakeRequest>();
    assert_eq!(&*request.mechanism, mechanism);
    let answer = SaslHandshakeResponse::default();
    client.answer::<SaslHandshakeRequest>(&asked, &answer).await;
    client
}

/// Takes one step of the client's, and answers it.
async fn step(client: &mut Client, answer: SaslAuthenticateResponse) -> Bytes {
    let asked = client.asked::<SaslAuthenticateRequest>().await;
    let step = asked.read::<SaslAuthenticateRequest>().auth_bytes;
    client
        .answer::<SaslAuthenticateRequest>(&asked, &answer)
        .await;
    step
}

#[tokio::test]
async fn a_plain_login_lasts_as_long_as_the_broker_says() {
    let script = Script::new().await;
    let endpoint = endpoint(&script, Mechanism::Plain);
    let serving = async {
        let mut client = chosen(&script, "PLAIN").await;
        let answer = SaslAuthenticateResponse::default().with_session_lifetime_ms(100_000);
        assert_eq!(step(&mut client, answer).await, "\0me\0c4n4ry");
        client
    };
    let (connection, _client) = tokio::join!(open(&endpoint), serving);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(75)).await;
    assert!(!connection.is_due());
    tokio::time::advance(Duration::from_secs(5)).await;
    assert!(connection.is_due());
}

#[tokio::test]
async fn a_password_that_is_sent_back_is_not_shown() {
    let script = Script::new().await;
    let endpoint = endpoint(&script, Mechanism::Plain);
    let serving = async {
        let mut client = chosen(&script, "PLAIN").await;
        let answer = SaslAuthenticateResponse::default()
            .with_error_code(58)
            .with_error_message(Some("me may not enter with c4n4ry\nat all".into()));
        step(&mut client, answer).await;
    };
    let (refused, ()) = tokio::join!(refusal(&endpoint), serving);
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    let shown = refused.context("kafka");
    assert_eq!(shown, Some("me may not enter with *** at all"));
    assert!(!format!("{refused:?} {endpoint:?}").contains("c4n4ry"));
}

#[tokio::test]
async fn a_broker_that_does_not_know_the_password_is_not_believed() {
    let script = Script::new().await;
    let endpoint = endpoint(&script, Mechanism::ScramSha256);
    let serving = async {
        let mut client = chosen(&script, "SCRAM-SHA-256").await;
        let asked = client.asked::<SaslAuthenticateRequest>().await;
        let first = asked.read::<SaslAuthenticateRequest>().auth_bytes;
        let first = String::from_utf8(first.to_vec()).unwrap();
        let nonce = first.strip_prefix("n,,n=me,r=").unwrap();
        let challenge = format!("r={nonce}more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        let answer = SaslAuthenticateResponse::default().with_auth_bytes(challenge.into());
        client
            .answer::<SaslAuthenticateRequest>(&asked, &answer)
            .await;
        let signature = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        let answer = SaslAuthenticateResponse::default().with_auth_bytes(signature.into());
        let last = step(&mut client, answer).await;
        assert!(last.starts_with(format!("c=biws,r={nonce}more,p=").as_bytes()));
    };
    let (refused, ()) = tokio::join!(refusal(&endpoint), serving);
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    assert_eq!(refused.context("detail"), Some("its proof is wrong"));
}

#[tokio::test]
async fn a_broker_that_skips_a_step_is_not_believed() {
    let script = Script::new().await;
    let endpoint = endpoint(&script, Mechanism::ScramSha512);
    let serving = async {
        let mut client = chosen(&script, "SCRAM-SHA-512").await;
        step(&mut client, SaslAuthenticateResponse::default()).await;
    };
    let (refused, ()) = tokio::join!(refusal(&endpoint), serving);
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_broker_that_hangs_up_at_the_login_may_come_back() {
    let script = Script::new().await;
    let endpoint = endpoint(&script, Mechanism::ScramSha512);
    let serving = async { drop(chosen(&script, "SCRAM-SHA-512").await) };
    let (lost, ()) = tokio::join!(refusal(&endpoint), serving);
    assert_eq!(lost.kind(), ErrorKind::Unavailable);
    assert_eq!(lost.context("user"), Some("me"));
}

#[tokio::test]
async fn mechanisms_that_are_not_there_are_not_believed() {
    let script = Script::new().await;
    let endpoint = endpoint(&script, Mechanism::Plain);
    let serving = async {
        let mut client = script.welcome().await;
        let asked = client.asked::<SaslHandshakeRequest>().await;
        let body = [0, 33, 0x7f, 0xff, 0xff, 0xff, 0, 1, b'X'];
        client.answer_bytes(asked.id, 0, &body).await;
    };
    let (error, ()) = tokio::join!(refusal(&endpoint), serving);
    assert_eq!(error.kind(), ErrorKind::Codec);
}
