//! Who may do what, and that no password is ever seen.

use std::time::Duration;

use glmsg_core::ErrorKind;
use redis::Value;
use tokio::time::{Instant, timeout};

use super::servers::*;
use crate::config::RedisConfig;

const CANARY: &str = "c4n4ry-pass";
const WRONG: &str = "wr0ng-c4n4ry";

fn url(server: &Server, login: &str) -> String {
    format!("redis://{login}@127.0.0.1:{}", server.port())
}

fn assert_hushed(text: &str) {
    assert!(!text.contains("c4n4ry"), "a password in {text}");
}

/// How many connections the server has had.
async fn connections(server: &Server) -> u32 {
    let info = server.run(&[&["AUTH", CANARY], &["INFO", "stats"]]).await;
    let total = field(&info[1], "total_connections_received");
    total.parse().unwrap()
}

#[tokio::test]
async fn a_wrong_password_is_refused_without_a_storm() {
    let server = Server::start(&["--requirepass", CANARY]).await;
    let config = RedisConfig::from_url(&url(&server, &format!(":{WRONG}"))).unwrap();
    let start = Instant::now();
    let before = connections(&server).await;
    let error = refusal(config).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(!error.is_transient());
    assert_hushed(&format!("{error} {error:?}"));
    assert!(start.elapsed() < Duration::from_secs(1));
    // One of ours, and that of the second question.
    assert_eq!(connections(&server).await - before, 2);

    let none = RedisConfig::from_url(&server.url()).unwrap();
    let error = refusal(none).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("wants a login"), "{error}");
}

#[tokio::test]
async fn a_password_that_is_changed_later_makes_no_storm_either() {
    let server = Server::start(&["--requirepass", CANARY]).await;
    let link = open(&url(&server, &format!(":{CANARY}"))).await;
    assert_hushed(&format!("{link:?} {link:#?}"));
    let change = ["CONFIG", "SET", "requirepass", "other-c4n4ry"];
    server
        .run(&[
            &["AUTH", CANARY],
            &change,
            &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
        ])
        .await;
    let before = {
        let info = server
            .run(&[&["AUTH", "other-c4n4ry"], &["INFO", "stats"]])
            .await;
        field(&info[1], "total_connections_received")
            .parse::<u32>()
            .unwrap()
    };
    // A program that repeats its calls as fast as it can.
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < Duration::from_millis(1500) {
        let ping = pipeline(&[&["PING"]]);
        let call = link.send(0, &ping);
        let error = timeout(Duration::from_secs(2), call)
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert_hushed(&format!("{error} {error:?}"));
        let error = link.dedicated(0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        calls += 1;
    }
    assert!(calls > 100, "{calls} calls");
    let info = server
        .run(&[&["AUTH", "other-c4n4ry"], &["INFO", "stats"]])
        .await;
    let after: u32 = field(&info[1], "total_connections_received")
        .parse()
        .unwrap();
    assert!(after - before <= 4, "{} connections", after - before);
}

#[tokio::test]
async fn a_user_logs_in_and_is_held_to_their_rights() {
    let server = Server::start(&[]).await;
    let password = "p@/:%? #é-c4n4ry";
    let rule = format!(">{password}");
    let user = [
        "ACL", "SETUSER", "app", "on", &rule, "~glmsg:*", "+@all", "-del",
    ];
    assert_eq!(server.run(&[&user]).await, [Value::Okay]);
    let login = "app:p%40%2F%3A%25%3F%20%23%C3%A9-c4n4ry";
    let link = open(&url(&server, login)).await;
    let commands = pipeline(&[
        &["SET", "glmsg:x", "1"],
        &["SET", "other", "1"],
        &["DEL", "glmsg:x"],
        &["ACL", "WHOAMI"],
    ]);
    let replies = link.send(0, &commands).await.unwrap();
    assert_eq!(replies.values[0], Value::Okay);
    assert_eq!(text(&replies.values[3]), "app");
    for refused in &replies.values[1..3] {
        let Value::ServerError(refused) = refused else {
            panic!("{refused:?}");
        };
        let error = crate::error::server_error(refused);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    }
}

#[tokio::test]
async fn a_user_with_few_rights_connects() {
    let server = Server::start(&[]).await;
    let user = [
        "ACL",
        "SETUSER",
        "app",
        "on",
        ">c4n4ry",
        "~glmsg:*",
        "+get",
        "+script|load",
    ];
    assert_eq!(server.run(&[&user]).await, [Value::Okay]);
    let link = open(&url(&server, "app:c4n4ry")).await;
    let replies = link.send(0, &pipeline(&[&["GET", "glmsg:x"]])).await;
    assert_eq!(replies.unwrap().values, [Value::Nil]);
}

#[tokio::test]
async fn a_password_in_a_file_may_change() {
    let server = Server::start(&["--requirepass", CANARY]).await;
    let file = server.dir().join("password");
    std::fs::write(&file, format!("{CANARY}\n")).unwrap();
    let config = RedisConfig::from_url(&server.url()).unwrap();
    let link = open_config(config.clone().password_file(&file)).await;
    std::fs::write(&file, "second-c4n4ry").unwrap();
    server
        .run(&[
            &["AUTH", CANARY],
            &["CONFIG", "SET", "requirepass", "second-c4n4ry"],
            &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
        ])
        .await;
    let replies = link.send(0, &pipeline(&[&["PING"]])).await.unwrap();
    assert_eq!(text(&replies.values[0]), "PONG");
    let error = refusal(config.password_file(server.dir().join("none"))).await;
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
}

#[tokio::test]
async fn a_password_for_a_server_that_has_none_is_refused() {
    let server = Server::start(&[]).await;
    let config = RedisConfig::from_url(&url(&server, &format!(":{CANARY}"))).unwrap();
    let error = refusal(config).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(
        error.to_string().contains("take the password out"),
        "{error}"
    );
    assert_hushed(&format!("{error} {error:?}"));
}
