//! What breaks, and what a caller sees of it.

use std::pin::pin;
use std::time::Duration;

use glmsg_core::ErrorKind;
use redis::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::servers::*;
use crate::config::RedisConfig;

const SECOND: Duration = Duration::from_secs(1);

/// A server that keeps what it is told.
async fn durable_server() -> Server {
    Server::start(&["--appendonly", "yes", "--appendfsync", "always"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_comes_back_is_ridden_through() {
    let mut server = durable_server().await;
    let link = open(&format!("{}?timeout_ms=20000", server.url())).await;
    let before = link.generation();
    let mut woken = link.generations();
    let mut dedicated = link.dedicated(0).await.unwrap();
    let waiting = tokio::spawn(async move {
        let wait = pipeline(&[&["BLPOP", "list", "0"]]);
        dedicated.ask(&wait, 60 * SECOND).await
    });
    let writer = link.clone();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writing = tokio::spawn(async move {
        let mut written = 0;
        let mut was_resent = false;
        while !*stopped.borrow() {
            let number = written.to_string();
            let set = pipeline(&[&["SET", &format!("k{number}"), &number]]);
            let replies = writer.send(0, &set).await.unwrap();
            assert_eq!(replies.values, [Value::Okay]);
            was_resent |= replies.was_resent;
            written += 1;
        }
        (written, was_resent)
    });
    for _ in 0..3 {
        server.kill();
        server.launch().await;
        let ping = pipeline(&[&["PING"]]);
        link.send(0, &ping).await.unwrap();
    }
    stop.send(true).unwrap();
    let (written, _) = writing.await.unwrap();
    let count = server.run(&[&["DBSIZE"]]).await;
    assert_eq!(
        count,
        [Value::Int(written)],
        "every write that was answered"
    );
    let told = waiting.await.unwrap().unwrap_err();
    assert_eq!(told.kind(), ErrorKind::Indeterminate, "{told}");
    assert!(link.generation() > before);
    woken.changed().await.unwrap();
    link.dedicated(0).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_lost_is_told_apart() {
    let server = Server::start(&[]).await;
    let proxy = cutting_proxy(server.url().strip_prefix("redis://").unwrap()).await;
    let link = open(&format!("redis://{proxy}")).await;
    let commands = pipeline(&[&["INCR", "cut-me"], &["ECHO", "x"]]);
    let replies = link.send(0, &commands).await.unwrap();
    assert!(replies.was_resent);
    assert_eq!(replies.values[0], Value::Int(2), "it was executed twice");
    assert_eq!(link.generation(), 1);
    let replies = link.send(0, &commands).await.unwrap();
    assert!(!replies.was_resent, "the next call knows nothing of it");
}

/// Passes everything on, but ends the first connection over which `cut-me` goes after the server
/// has answered it, and before the answer has come back.
async fn cutting_proxy(to: &str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let to = to.to_owned();
    tokio::spawn(async move {
        let mut has_cut = false;
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&to).await.unwrap();
            let (mut up, mut down) = (vec![0; 4096], vec![0; 4096]);
            loop {
                tokio::select! {
                    read = client.read(&mut up) => {
                        let Ok(1..) = read else { break };
                        let sent = &up[..read.unwrap()];
                        server.write_all(sent).await.unwrap();
                        if !has_cut && sent.windows(6).any(|part| part == b"cut-me") {
                            has_cut = true;
                            assert!(server.read(&mut down).await.unwrap() > 0);
                            break;
                        }
                    }
                    read = server.read(&mut down) => {
                        let Ok(1..) = read else { break };
                        client.write_all(&down[..read.unwrap()]).await.unwrap();
                    }
                }
            }
        }
    });
    addr
}

#[tokio::test]
async fn nobody_there_is_unavailable_and_said_in_time() {
    let mut server = Server::start(&[]).await;
    let link = open(&format!("{}?timeout_ms=400", server.url())).await;
    server.kill();
    let start = Instant::now();
    // The first finds the connection ended, or ends it.
    let _ = link.send(0, &pipeline(&[&["PING"]])).await;
    let error = link.send(0, &pipeline(&[&["PING"]])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.is_transient());
    assert!(
        error.to_string().contains(&server.port().to_string()),
        "{error}"
    );
    let error = link.dedicated(0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let url = format!("{}?timeout_ms=400", server.url());
    let error = refusal(RedisConfig::from_url(&url).unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(start.elapsed() < 3 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_call_that_is_not_polled_holds_up_no_other() {
    let mut server = Server::start(&[]).await;
    let link = open(&format!("{}?timeout_ms=20000", server.url())).await;
    server.kill();
    let silent = TcpListener::bind(server.addr()).await.unwrap();
    let ping = pipeline(&[&["PING"]]);
    let mut left = pin!(link.send(0, &ping));
    let accepted = tokio::select! {
        _ = &mut left => panic!("nobody answers"),
        accepted = silent.accept() => accepted.unwrap(),
    };
    // It is connecting, for all.
    drop((accepted, silent));
    server.launch().await;
    link.send(0, &ping).await.unwrap();
    left.await.unwrap();
}

#[tokio::test]
async fn a_name_nobody_knows_is_unavailable() {
    let url = "redis://no-such-host.invalid?timeout_ms=100";
    let error = refusal(RedisConfig::from_url(url).unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_found_again() {
    let server = Server::start(&[]).await;
    let link = open(&format!("{}?timeout_ms=4000", server.url())).await;
    server.signal("STOP");
    let start = Instant::now();
    let incr = pipeline(&[&["INCR", "n"]]);
    let error = link.send(0, &incr).await.unwrap_err();
    // The bytes are with the server, which may read them when it wakes.
    assert_eq!(error.kind(), ErrorKind::Indeterminate, "{error}");
    let took = start.elapsed();
    assert!(took > 3 * SECOND && took < 6 * SECOND, "{took:?}");
    server.signal("CONT");
    let replies = link.send(0, &incr).await.unwrap();
    assert!(matches!(replies.values[..], [Value::Int(1..=3)]));
    assert_eq!(link.generation(), 1);
}

#[tokio::test]
async fn a_server_that_is_slow_is_waited_for() {
    let server = Server::start(&["--enable-debug-command", "yes"]).await;
    let link = open(&format!("{}?timeout_ms=9000", server.url())).await;
    let slow = pipeline(&[&["INCR", "n"], &["DEBUG", "SLEEP", "2.6"]]);
    let replies = link.send(0, &slow).await.unwrap();
    assert_eq!(replies.values, [Value::Int(1), Value::Okay]);
    assert!(!replies.was_resent);
}

#[tokio::test]
async fn what_moves_slowly_is_not_cut_off() {
    // 200 KiB in pieces; the second comes while the server is asked whether it is there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        let _ = client.read(&mut buffer).await.unwrap();
        client.write_all(b"+PONG\r\n").await.unwrap();
        // The greeting: SETNAME, SETINFO, PING.
        let _ = client.read(&mut buffer).await.unwrap();
        client.write_all(b"+OK\r\n+OK\r\n+PONG\r\n").await.unwrap();
        let _ = client.read(&mut buffer).await.unwrap();
        client.write_all(b"$204800\r\n").await.unwrap();
        for pause in [4500, 300, 300, 300, 300] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            client.write_all(&[b'x'; 40960]).await.unwrap();
        }
        client.write_all(b"\r\n").await.unwrap();
        let _ = client.read(&mut buffer).await.unwrap();
    });
    let link = open(&format!("redis://{addr}?timeout_ms=20000&eviction=warn")).await;
    let replies = link.send(0, &pipeline(&[&["GET", "big"]])).await.unwrap();
    assert_eq!(text(&replies.values[0]).len(), 204_800);
    assert!(!replies.was_resent);
}

#[tokio::test]
async fn what_is_taken_slowly_is_not_cut_off() {
    // Far more than the system buffers, in pieces over more than three seconds.
    const SIZE: usize = 32 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        let _ = client.read(&mut buffer).await.unwrap();
        client.write_all(b"+PONG\r\n").await.unwrap();
        let _ = client.read(&mut buffer).await.unwrap();
        client.write_all(b"+OK\r\n+OK\r\n+PONG\r\n").await.unwrap();
        let mut piece = vec![0; SIZE / 10];
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            client.read_exact(&mut piece).await.unwrap();
        }
        client.write_all(b"+OK\r\n").await.unwrap();
        // Until the end, with what is left of the command.
        while client.read(&mut piece).await.unwrap() > 0 {}
        listener.accept().await.map(drop)
    });
    let link = open(&format!("redis://{addr}?timeout_ms=20000&eviction=warn")).await;
    let big = "x".repeat(SIZE);
    let replies = link.send(0, &pipeline(&[&["SET", "k", &big]])).await;
    let replies = replies.unwrap();
    assert_eq!(replies.values, [Value::Okay]);
    assert!(!replies.was_resent);
    assert!(!serving.is_finished(), "one connection");
}

#[tokio::test]
async fn a_server_that_loads_is_waited_for() {
    let mut server = Server::start(&[
        "--appendonly",
        "yes",
        "--key-load-delay",
        "200",
        "--loading-process-events-interval-bytes",
        "1024",
        "--enable-debug-command",
        "yes",
    ])
    .await;
    server
        .run(&[
            &["DEBUG", "POPULATE", "5000", "k", "100"],
            &["BGREWRITEAOF"],
        ])
        .await;
    until("the file is written", || async {
        let info = server.run(&[&["INFO", "persistence"]]).await;
        field(&info[0], "aof_rewrite_in_progress") == "0"
    })
    .await;
    let link = open(&format!("{}?timeout_ms=30000", server.url())).await;
    server.kill();
    server.launch().await;
    let refused = server.run(&[&["DBSIZE"]]).await;
    assert!(
        matches!(refused[..], [Value::ServerError(_)]),
        "it is loading: {refused:?}"
    );
    let replies = link.send(0, &pipeline(&[&["DBSIZE"]])).await.unwrap();
    assert_eq!(replies.values, [Value::Int(5000)]);
}

#[tokio::test]
async fn a_replica_is_not_written_and_said_to_be_one() {
    let master = Server::start(&[]).await;
    let port = master.port().to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port]).await;
    let link = open(&format!("{}?timeout_ms=300", replica.url())).await;
    let error = link
        .send(0, &pipeline(&[&["SET", "k", "v"]]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("redis+sentinel://"), "{error}");
    // It becomes the master while we try.
    let link = open(&format!("{}?timeout_ms=20000", replica.url())).await;
    let caller = link.clone();
    let call = tokio::spawn(async move {
        let set = pipeline(&[&["SET", "k", "v"]]);
        caller.send(0, &set).await
    });
    // A name may have stood for the replica, and stand for the master now.
    until("it connects anew", || async { link.generation() > 0 }).await;
    replica.run(&[&["REPLICAOF", "NO", "ONE"]]).await;
    let replies = call.await.unwrap().unwrap();
    assert!(!replies.was_resent, "a refusal leaves nothing in doubt");
}

#[tokio::test]
async fn a_full_server_says_so_at_once() {
    let server = Server::start(&["--maxmemory", "1"]).await;
    let link = open(&server.url()).await;
    let start = Instant::now();
    let commands = pipeline(&[&["PING"], &["SET", "k", "v"]]);
    let replies = link.send(0, &commands).await.unwrap();
    let Value::ServerError(refusal) = &replies.values[1] else {
        panic!("{replies:?}");
    };
    assert_eq!(crate::error::server_error(refusal).kind(), ErrorKind::Full);
    assert!(start.elapsed() < SECOND);
}

#[tokio::test]
async fn many_callers_make_one_connection_anew() {
    let server = Server::start(&[]).await;
    let link = open(&server.url()).await;
    let total = || async {
        let info = server.run(&[&["INFO", "stats"]]).await;
        let total = field(&info[0], "total_connections_received");
        total.parse::<u32>().unwrap()
    };
    let before = total().await;
    server
        .run(&[&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]])
        .await;
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let link = link.clone();
            tokio::spawn(async move { link.send(0, &pipeline(&[&["PING"]])).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    // Besides ours: that of the kill and that of the question.
    assert_eq!(total().await - before, 3);
}
