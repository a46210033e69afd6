//! Real servers: started, killed, stopped, restarted where they were, and shown another time of day.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::{self, Write};

use glmsg_faults::process::Launch;
use glmsg_faults::proxy::{Mode, Proxy};
use glmsg_faults::server::{Fsync, Kind, RedisServer, RedisSetup, Reply, Server};
use tokio::net::TcpStream;

async fn start(setup: RedisSetup) -> RedisServer {
    RedisServer::start(Kind::Redis7, setup).await
}

#[tokio::test]
async fn what_was_answered_survives_kill_9_in_the_same_place() {
    let redis = start(RedisSetup::default()).await;
    let (addr, pid) = (redis.addr(), redis.pid());
    for n in 0..3 {
        redis.command(&["SET", &format!("key-{n}"), "value"]).await;
        redis.kill9().await;
        assert!(!redis.is_alive());
        let refused = TcpStream::connect(addr).await.unwrap_err();
        assert_eq!(
            refused.kind(),
            io::ErrorKind::ConnectionRefused,
            "nobody took its port"
        );
        redis.restart().await;
        assert_eq!(redis.command(&["DBSIZE"]).await, Reply::Integer(n + 1));
    }
    assert_eq!(redis.addr(), addr);
    assert_ne!(redis.pid(), pid);
}

#[tokio::test]
async fn a_transaction_that_was_cut_off_never_comes_back() {
    for kind in Kind::ALL {
        let redis = RedisServer::start(kind, RedisSetup::default()).await;
        redis.command(&["SET", "before", "it"]).await;
        redis.kill9().await;
        let log = redis.dir().join("appendonlydir/appendonly.aof.1.incr.aof");
        let mut log = File::options().append(true).open(log).unwrap();
        log.write_all(b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$3\r\ncut\r\n$1\r\n1\r\n*3\r\n$3\r\nSET\r\n$3")
            .unwrap();
        redis.restart().await;
        redis.command(&["SET", "after", "it"]).await;
        redis.kill9().await;
        redis.restart().await;
        let keys = redis.command(&["DBSIZE"]).await;
        assert_eq!(keys, Reply::Integer(2), "{kind:?}");
    }
}

#[tokio::test]
async fn every_kind_starts_as_it_is_set_up() {
    for kind in Kind::ALL {
        let setup = RedisSetup::default()
            .fsync(Fsync::Everysec)
            .maxmemory_policy("allkeys-lru")
            .password("c4n4ry")
            .args(["--maxmemory", "64mb"]);
        let redis = RedisServer::start(kind, setup).await;
        for (key, value) in [
            ("appendfsync", "everysec"),
            ("maxmemory-policy", "allkeys-lru"),
            ("maxmemory", "67108864"),
            ("save", ""),
        ] {
            let reply = redis.command(&["CONFIG", "GET", key]).await;
            assert_eq!(reply.list()[1].text(), Some(value), "{kind:?} {key}");
        }
        assert!(redis.url().starts_with("redis://:c4n4ry@127.0.0.1:"));
        assert!(redis.usage().resident_bytes > 1_000_000);
        redis.terminate().await;
        assert!(
            !redis.is_alive() && redis.log().contains("exit"),
            "{kind:?}"
        );
        redis.restart().await;
    }
}

#[tokio::test]
async fn a_stopped_server_answers_when_it_is_continued() {
    let redis = start(RedisSetup::default()).await;
    redis.stop().await;
    assert!(redis.is_alive());
    // The system accepts for it, and nobody answers.
    let asked = tokio::spawn({
        let redis = redis.clone();
        async move { redis.command(&["PING"]).await }
    });
    let proxy = Proxy::start(redis.addr()).await;
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"PING\r\n")
        .await
        .unwrap();
    proxy
        .control()
        .until("the ping is there", |seen| seen.to_server == 6)
        .await;
    assert!(!asked.is_finished() && proxy.control().seen().to_client == 0);
    redis.cont();
    assert_eq!(asked.await.unwrap().text(), Some("PONG"));
    proxy
        .control()
        .until("the pong is there", |seen| seen.to_client == 7)
        .await;
}

#[tokio::test]
async fn a_restart_of_one_that_runs_or_is_stopped_ends_it_first() {
    let redis = start(RedisSetup::default()).await;
    let first = redis.pid();
    redis.restart().await;
    redis.stop().await;
    redis.restart().await;
    assert_ne!(redis.pid(), first);
    assert_eq!(redis.command(&["PING"]).await.text(), Some("PONG"));
}

#[tokio::test]
async fn the_clock_of_a_server_can_be_moved() {
    for kind in Kind::ALL {
        let redis = RedisServer::start(kind, RedisSetup::default().movable_clock()).await;
        for offset in [3600, -3600, 60] {
            // Waits until the server shows it.
            redis.set_clock_offset(offset).await;
        }
        redis.kill9().await;
        redis.restart().await;
        redis.set_clock_offset(60).await;
        // What it waits for by its monotonic clock does not notice.
        let waited = redis.command(&["BLPOP", "nothing", "0.05"]).await;
        assert_eq!(waited, Reply::Array(None), "{kind:?}");
    }
}

#[tokio::test]
async fn a_server_can_be_reached_through_a_proxy_alone() {
    let redis = start(RedisSetup::default().password("c4n4ry")).await;
    let proxy = Proxy::start(redis.addr()).await;
    let url = redis.url_at(proxy.addr());
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let pong: String = redis::cmd("PING")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(pong, "PONG");
    proxy.control().set(Mode::Reset).await;
    let broken: redis::RedisResult<String> = redis::cmd("PING").query_async(&mut connection).await;
    assert!(broken.is_err());
}

#[tokio::test]
async fn errors_of_the_server_are_replies_or_failures() {
    let redis = start(RedisSetup::default()).await;
    let reply = redis.try_command(&["NO-SUCH-COMMAND"]).await.unwrap();
    assert!(matches!(reply, Reply::Error(_)), "{reply:?}");
    redis.kill9().await;
    assert!(redis.try_command(&["PING"]).await.is_err());
}

#[tokio::test]
#[should_panic(expected = "the server ended with exit status: 3:\nout of paper")]
async fn a_server_that_ends_at_once_is_told_with_its_log() {
    let launch = Launch::new("sh").args(["-c", "echo out of paper; exit 3"]);
    Server::start(launch, async |_| false).await;
}

#[tokio::test]
async fn any_program_can_be_a_server() {
    let args = ["--port", "{port}", "--dir", "{dir}", "--save", ""];
    let launch = Launch::new(Kind::Redis7.program()).args(args);
    let server = Server::start(launch, |probe| async move {
        TcpStream::connect(probe.addr).await.is_ok()
    })
    .await;
    let dir = server.dir().to_owned();
    assert!(dir.join("server.log").exists());
    let second = server.clone();
    drop(server);
    assert!(
        TcpStream::connect(second.addr()).await.is_ok(),
        "as long as there is a handle"
    );
    let addr = second.addr();
    drop(second);
    assert!(TcpStream::connect(addr).await.is_err() && !dir.exists());
}
