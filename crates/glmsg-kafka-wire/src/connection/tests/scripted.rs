//! Brokers that do not behave.

use std::time::Duration;

use bytes::Bytes;
use glmsg_core::{Error, ErrorKind};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{
    ApiVersionsRequest, FetchRequest, FetchResponse, MetadataRequest, MetadataResponse,
    ProduceRequest,
};
use kafka_protocol::protocol::Encodable;
use tokio::task::yield_now;

use super::script::{Client, Script, known};
use super::servers::{at, open, refusal};
use crate::connection::Connection;

const VERSION: i16 = 12;

async fn ask(connection: &mut Connection) -> Result<MetadataResponse, Error> {
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    connection.ask(&request, VERSION).await
}

/// A connection to a script, and the script's side of it.
async fn connected(script: &Script) -> (Connection, Client) {
    let endpoint = script.endpoint();
    tokio::join!(open(&endpoint), script.welcome())
}

/// What becomes of a request whose answer is any bytes, after which the broker hangs up.
async fn answered_by(bytes: &[u8]) -> Error {
    let script = Script::new().await;
    let (mut connection, mut client) = connected(&script).await;
    let serving = async move {
        client.asked::<MetadataRequest>().await;
        client.send(bytes).await;
    };
    let (answer, ()) = tokio::join!(ask(&mut connection), serving);
    let error = answer.unwrap_err();
    // Nothing is asked on it any more.
    let later = ask(&mut connection).await.unwrap_err();
    assert_eq!(later.kind(), ErrorKind::Unavailable);
    error
}

#[tokio::test]
async fn nobody_is_there() {
    let script = Script::new().await;
    let endpoint = script.endpoint();
    drop(script);
    let error = refusal(&endpoint).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_transient());
    let (host, port) = &endpoint.servers[0];
    assert_eq!(error.context("broker"), Some(&*format!("{host}:{port}")));
    // No name is so long, which needs no network to find out.
    let error = refusal(&at(vec![("x".repeat(300), 1)])).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("cannot be resolved"), "{error}");
}

#[tokio::test]
async fn one_that_hangs_up_at_once_may_want_tls_or_a_login() {
    let script = Script::new().await;
    let endpoint = script.endpoint();
    let (error, ()) = tokio::join!(refusal(&endpoint), async { drop(script.accept().await) });
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error.to_string().contains("wants TLS or a login"),
        "{error}"
    );
}

#[tokio::test]
async fn one_that_is_silent_is_not_waited_for_for_ever() {
    let script = Script::new().await;
    let mut endpoint = script.endpoint();
    endpoint.timeout = Duration::from_millis(50);
    let (error, client) = tokio::join!(refusal(&endpoint), script.accept());
    assert_eq!(error.kind(), ErrorKind::Timeout);
    drop(client);

    let (mut connection, mut client) = connected(&script).await;
    let request = MetadataRequest::default();
    let limit = Duration::from_millis(50);
    let error = connection.ask_within(&request, VERSION, limit).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
    // The answer that comes after all is taken for no other's.
    let asked = client.asked::<MetadataRequest>().await;
    let late = MetadataResponse::default();
    client.answer::<MetadataRequest>(&asked, &late).await;
    let error = ask(&mut connection).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_the_connection() {
    let script = Script::new().await;
    let (mut connection, mut client) = connected(&script).await;
    tokio::select! {
        _ = ask(&mut connection) => panic!("it was answered"),
        _ = client.asked::<MetadataRequest>() => {}
    }
    let error = ask(&mut connection).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    drop(connection);
    client.gone().await;
}

#[tokio::test]
async fn what_is_no_answer_is_none() {
    let http = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    // Lengths: too great, negative, none for a header; then another's number, and no answer's body.
    let cases: [&[u8]; 6] = [
        http,
        &[0x10, 0, 0, 1, 0, 0, 0, 2],
        &[0xff; 8],
        &[0, 0, 0, 0],
        &[0, 0, 0, 6, 0, 0, 0, 77, 0, 0],
        &[0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 0, 9],
    ];
    for case in cases {
        let error = answered_by(case).await;
        assert_eq!(error.kind(), ErrorKind::Codec, "{case:?}: {error}");
        assert!(!error.is_transient());
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn an_answer_to_another_request_is_none() {
    let script = Script::new().await;
    let (mut connection, mut client) = connected(&script).await;
    let serving = async move {
        let asked = client.asked::<MetadataRequest>().await;
        let mut body = Vec::new();
        let answer = MetadataResponse::default();
        answer.encode(&mut body, VERSION).unwrap();
        client.answer_bytes(asked.id - 1, 1, &body).await;
    };
    let (answer, ()) = tokio::join!(ask(&mut connection), serving);
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(
        error.to_string().contains("to request 1 and not to 2"),
        "{error}"
    );
}

#[tokio::test]
async fn half_an_answer_is_none() {
    for case in [&[0, 0][..], &[0, 0, 0, 9, 0, 0, 0, 2, 0], &[]] {
        let error = answered_by(case).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{case:?}: {error}");
    }
}

#[tokio::test]
async fn the_lack_of_a_login_is_suspected_until_the_first_answer() {
    let script = Script::new().await;
    let (mut connection, mut client) = connected(&script).await;
    let serving = async move {
        let asked = client.asked::<MetadataRequest>().await;
        let answer = MetadataResponse::default();
        client.answer::<MetadataRequest>(&asked, &answer).await;
        client.asked::<MetadataRequest>().await;
    };
    let asking = async {
        ask(&mut connection).await.unwrap();
        ask(&mut connection).await.unwrap_err()
    };
    let (error, ()) = tokio::join!(asking, serving);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!error.to_string().contains("wants TLS"), "{error}");
}

#[tokio::test]
async fn an_answer_may_come_in_many_pieces() {
    let script = Script::new().await;
    let (mut connection, mut client) = connected(&script).await;
    let serving = async move {
        for _ in 0..3 {
            let asked = client.asked::<MetadataRequest>().await;
            let [a, b, c, d] = asked.id.to_be_bytes();
            // The header, then no time to wait, no broker, no cluster, no controller, no topic.
            let answer = [
                0, 0, 0, 18, a, b, c, d, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 7, 1, 0, 0,
            ];
            for byte in &answer[..21] {
                client.send(&[*byte]).await;
                yield_now().await;
            }
            client.send(&answer[21..]).await;
        }
    };
    let asking = async {
        for _ in 0..3 {
            assert_eq!(ask(&mut connection).await.unwrap().controller_id.0, 7);
        }
    };
    tokio::join!(asking, serving);
}

#[tokio::test]
async fn a_broker_that_does_not_know_our_question_is_asked_the_oldest() {
    let script = Script::new().await;
    let endpoint = script.endpoint();
    let serving = async {
        let mut client = script.accept().await;
        let asked = client.asked::<ApiVersionsRequest>().await;
        assert_eq!(asked.version, 3);
        // In the form of version 0: the code, and no entry.
        client.answer_bytes(asked.id, 0, &[0, 35, 0, 0, 0, 0]).await;
        let asked = client.asked::<ApiVersionsRequest>().await;
        assert_eq!(asked.version, 0);
        client.answer::<ApiVersionsRequest>(&asked, &known()).await;
    };
    let (connection, ()) = tokio::join!(open(&endpoint), serving);
    assert_eq!(connection.version::<MetadataRequest>(20).unwrap(), 12);
    assert_eq!(connection.version::<MetadataRequest>(9).unwrap(), 9);
    let error = connection.version::<MetadataRequest>(3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = connection.version::<ProduceRequest>(9).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn entries_that_are_not_there_are_not_believed() {
    let script = Script::new().await;
    let endpoint = script.endpoint();
    let serving = async {
        let mut client = script.accept().await;
        let asked = client.asked::<ApiVersionsRequest>().await;
        client.answer_bytes(asked.id, 0, &[0, 35, 0, 0, 0, 0]).await;
        let asked = client.asked::<ApiVersionsRequest>().await;
        let body = [0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 1, 0, 1, 0, 1];
        client.answer_bytes(asked.id, 0, &body).await;
    };
    let (error, ()) = tokio::join!(refusal(&endpoint), serving);
    assert_eq!(error.kind(), ErrorKind::Codec);
}

fn records(number: u8, length: usize) -> FetchableTopicResponse {
    let records = Bytes::from(vec![number; length]);
    let partition = PartitionData::default().with_records(Some(records));
    FetchableTopicResponse::default().with_partitions(vec![partition])
}

/// Of answers that fit into what is read at once, and of some that do not.
#[tokio::test]
async fn records_stay_where_they_were_read() {
    const LENGTHS: [usize; 4] = [100, 10_000, 3 << 20, 100];
    let script = Script::new().await;
    let (mut connection, mut client) = connected(&script).await;
    let serving = async move {
        for length in LENGTHS {
            let asked = client.asked::<FetchRequest>().await;
            let topics = vec![records(1, length), records(2, length)];
            let answer = FetchResponse::default().with_responses(topics);
            client.answer::<FetchRequest>(&asked, &answer).await;
        }
        client.gone().await;
    };
    let asking = async move {
        let mut kept = Vec::new();
        for length in LENGTHS {
            let request = FetchRequest::default();
            let answer = connection.ask(&request, VERSION).await.unwrap();
            let each = answer.responses.into_iter();
            let each = each.map(|mut topic| topic.partitions.remove(0).records.unwrap());
            let found: Vec<Bytes> = each.collect();
            let gap = found[1].as_ptr() as usize - found[0].as_ptr() as usize;
            assert!((length..length + 100).contains(&gap), "{gap}");
            kept.push(found);
        }
        drop(connection);
        // Later answers leave earlier ones alone.
        for (found, length) in kept.iter().zip(LENGTHS) {
            assert_eq!(found[0], vec![1; length]);
            assert_eq!(found[1], vec![2; length]);
        }
    };
    tokio::join!(asking, serving);
}
