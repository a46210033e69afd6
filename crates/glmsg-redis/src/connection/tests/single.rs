//! One server, nothing going wrong.

use std::time::Duration;

use glmsg_core::ErrorKind;
use redis::Value;
use tokio::time::Instant;

use super::servers::*;
use crate::config::RedisConfig;
use crate::connection::Link;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn every_command_has_its_answer_also_one_that_is_refused() {
    for key in ["REDIS7_URL", "REDIS8_URL", "VALKEY9_URL"] {
        let link = open(&service(key)).await;
        let name = unique("single");
        let commands = pipeline(&[
            &["SET", &name, "1"],
            &["LPUSH", &name, "x"],
            &["INCR", &name],
            &["NOSUCHCOMMAND"],
            &["DEL", &name],
        ]);
        let replies = link.send(0, &commands).await.unwrap();
        assert!(!replies.was_resent && replies.reached);
        let [set, push, incr, unknown, del] = &replies.values[..] else {
            panic!("{replies:?}");
        };
        assert_eq!((set, incr), (&Value::Okay, &Value::Int(2)));
        assert_eq!(del, &Value::Int(1));
        for (answer, kind) in [
            (push, ErrorKind::Conflict),
            (unknown, ErrorKind::Unsupported),
        ] {
            let Value::ServerError(refusal) = answer else {
                panic!("{answer:?}");
            };
            assert_eq!(crate::error::server_error(refusal).kind(), kind);
        }
        let none = link.send(0, &pipeline(&[])).await.unwrap();
        assert!(none.values.is_empty());
    }
}

#[tokio::test]
async fn many_calls_share_one_connection_and_get_their_own_answers() {
    let server = Server::start(&[]).await;
    let link = open(&server.url()).await;
    let calls: Vec<_> = (0..3000)
        .map(|number: u32| {
            let link = link.clone();
            tokio::spawn(async move {
                let number = number.to_string();
                let commands = pipeline(&[&["ECHO", &number], &["ECHO", "x"]]);
                let mut call = Box::pin(link.send(0, &commands));
                if number.ends_with('7') {
                    // Some give up; nobody gets their answers.
                    let _ = tokio::time::timeout(Duration::from_micros(50), &mut call).await;
                    return;
                }
                let replies = call.await.unwrap();
                assert_eq!(text(&replies.values[0]), number);
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let stats = server.run(&[&["INFO", "clients"]]).await;
    // Ours and that of the question.
    assert_eq!(field(&stats[0], "connected_clients"), "2");
}

#[tokio::test]
async fn scripts_are_loaded_at_connecting_and_again_when_they_are_gone() {
    let server = Server::start(&[]).await;
    let script = redis::Script::new("return 'here'");
    let config = RedisConfig::from_url(&server.url()).unwrap();
    let link = Link::open(config, ["return 'here'", "return 2"]).await;
    let link = link.unwrap();
    let commands = pipeline(&[
        &["ECHO", "before"],
        &["EVALSHA", script.get_hash(), "0"],
        &["ECHO", "after"],
    ]);
    for flush in [false, true] {
        if flush {
            server.run(&[&["SCRIPT", "FLUSH"]]).await;
        }
        let replies = link.send(0, &commands).await.unwrap();
        let values: Vec<&str> = replies.values.iter().map(text).collect();
        assert_eq!(values, ["before", "here", "after"]);
        assert!(!replies.was_resent, "a refusal leaves nothing in doubt");
    }
}

#[tokio::test]
async fn a_script_that_is_not_ours_is_refused_and_not_for_ever() {
    let link = open(&service("REDIS7_URL")).await;
    let commands = pipeline(&[&["EVALSHA", &"0".repeat(40), "0"]]);
    let start = Instant::now();
    let error = link.send(0, &commands).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
    assert!(start.elapsed() < SECOND);
}

#[tokio::test]
async fn database_and_name_are_those_of_the_configuration() {
    let url = format!("{}/5?name=app-7", service("REDIS7_URL"));
    let link = open(&url).await;
    let replies = link.send(0, &pipeline(&[&["CLIENT", "INFO"]])).await;
    let info = text(&replies.unwrap().values[0]).to_owned();
    assert!(
        info.contains(" db=5 ") && info.contains(" name=app-7 "),
        "{info}"
    );
    let config = RedisConfig::from_url(&format!("{}/999", service("REDIS7_URL"))).unwrap();
    let error = refusal(config).await;
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
}

#[tokio::test]
async fn a_dedicated_connection_waits_and_can_be_woken() {
    let link = open(&service("REDIS7_URL")).await;
    let mut dedicated = link.dedicated(0).await.unwrap();
    let id = dedicated.client_id();
    assert_ne!(id, 0);
    let list = unique("list");
    let wait = pipeline(&[&["BLPOP", &list, "30"]]);
    let waiting = tokio::spawn(async move {
        let answer = dedicated.ask(&wait, Duration::from_secs(40)).await;
        (answer, dedicated)
    });
    let wake = pipeline(&[&["CLIENT", "UNBLOCK", &id.to_string()]]);
    until("the server has the waiting call", || async {
        link.send(0, &wake).await.unwrap().values == [Value::Int(1)]
    })
    .await;
    let (answer, mut dedicated) = waiting.await.unwrap();
    assert_eq!(answer.unwrap(), [Value::Nil]);
    // It is of use until an error.
    let echo = pipeline(&[&["ECHO", "x"]]);
    assert_eq!(text(&dedicated.ask(&echo, SECOND).await.unwrap()[0]), "x");
}

#[tokio::test]
async fn a_dedicated_connection_that_hears_nothing_in_time_ends() {
    let link = open(&service("REDIS7_URL")).await;
    let mut dedicated = link.dedicated(0).await.unwrap();
    let wait = pipeline(&[&["BLPOP", &unique("list"), "0"]]);
    let error = dedicated.ask(&wait, Duration::from_millis(50)).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Indeterminate);
    let id = dedicated.client_id().to_string();
    drop(dedicated);
    let list = pipeline(&[&["CLIENT", "LIST", "ID", &id]]);
    until("the server has lost the connection", || async {
        text(&link.send(0, &list).await.unwrap().values[0]).is_empty()
    })
    .await;
}

#[tokio::test]
async fn after_close_everything_is_refused_and_who_waits_is_told() {
    let server = Server::start(&[]).await;
    let link = open(&server.url()).await;
    let mut dedicated = link.dedicated(0).await.unwrap();
    let wait = pipeline(&[&["BLPOP", "list", "0"]]);
    let waiting = tokio::spawn(async move { dedicated.ask(&wait, 60 * SECOND).await });
    until("the server has the waiting call", || async {
        field(
            &server.run(&[&["INFO", "clients"]]).await[0],
            "blocked_clients",
        ) == "1"
    })
    .await;
    link.close();
    let told = tokio::time::timeout(SECOND, waiting).await;
    let told = told.unwrap().unwrap().unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Closed);
    let echo = pipeline(&[&["ECHO", "x"]]);
    assert_eq!(
        link.send(0, &echo).await.unwrap_err().kind(),
        ErrorKind::Closed
    );
    assert_eq!(
        link.dedicated(0).await.unwrap_err().kind(),
        ErrorKind::Closed
    );
    assert_eq!(link.nodes().await.unwrap_err().kind(), ErrorKind::Closed);
    until("every connection has ended", || async {
        field(
            &server.run(&[&["INFO", "clients"]]).await[0],
            "connected_clients",
        ) == "1"
    })
    .await;
}

#[tokio::test]
async fn the_last_link_that_is_dropped_ends_the_connections() {
    let server = Server::start(&[]).await;
    let link = open(&server.url()).await;
    let clone = link.clone();
    drop(link);
    clone.send(0, &pipeline(&[&["PING"]])).await.unwrap();
    drop(clone);
    until("every connection has ended", || async {
        field(
            &server.run(&[&["INFO", "clients"]]).await[0],
            "connected_clients",
        ) == "1"
    })
    .await;
}

#[tokio::test]
async fn every_server_can_be_asked_on_its_own() {
    let link = open(&service("REDIS7_URL")).await;
    let nodes = link.nodes().await.unwrap();
    assert_eq!(nodes.len(), 1);
    assert!(service("REDIS7_URL").ends_with(&nodes[0].address));
    let answers = nodes[0].ask(&pipeline(&[&["PING"]]), SECOND).await;
    assert_eq!(text(&answers.unwrap()[0]), "PONG");
}

#[tokio::test]
async fn a_connection_that_still_owes_an_answer_is_nobody_elses() {
    let link = open(&service("REDIS7_URL")).await;
    let ask = async |is_given_up: bool| {
        let mut borrowed = link.borrow(0).await.unwrap();
        let questions = pipeline(&[&["PING"], &["PING"]]).get_packed_pipeline();
        borrowed.write(&questions).await.unwrap();
        borrowed.first_answers(1).await.unwrap();
        if !is_given_up {
            borrowed.answers(1, Duration::ZERO).await.unwrap();
        }
        borrowed.client_id()
    };
    let first = ask(false).await;
    assert_eq!(ask(true).await, first, "it went back");
    assert_ne!(
        ask(false).await,
        first,
        "its next answer would be another's"
    );
}
