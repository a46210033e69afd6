//! The HTTP endpoint, asked by clients good and bad.

use std::net::SocketAddr;
use std::time::Duration;

use glmsg_metrics::{MetricsServer, Monitor, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::layered::{layered, layered_with, memory};
use crate::text::Samples;

async fn serving() -> (MetricsServer, Monitor) {
    let (layer, registry) = layered();
    let monitor = Monitor::start(&layer, memory(&layer));
    let server = MetricsServer::bind("127.0.0.1:0", registry, monitor.health()).await;
    (server.expect("a free port"), monitor)
}

/// Sends bytes and reads until the server closes.
async fn send(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    // A server that has answered already may not take all of it.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

async fn get(address: SocketAddr, path: &str) -> String {
    send(
        address,
        format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes(),
    )
    .await
}

#[tokio::test]
async fn metrics_and_health_are_served() {
    let (server, _monitor) = serving().await;
    let address = server.address();
    let answer = get(address, "/metrics?name=x").await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"));
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    assert_eq!(Samples::parse(body).count("glmsg_build_info"), 1);

    let open =
        "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n";
    let answer = send(address, open.as_bytes()).await;
    assert!(answer.contains("Content-Type: application/openmetrics-text; version=1.0.0"));
    assert!(answer.ends_with("# EOF\n"));

    assert!(
        get(address, "/health/live")
            .await
            .ends_with("\r\n\r\nlive\n")
    );
    assert!(
        get(address, "/health/ready")
            .await
            .ends_with("\r\n\r\nready\n")
    );
    let head = send(address, b"HEAD /health/live HTTP/1.1\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.ends_with("\r\n\r\n"));
    assert!(head.contains("Content-Length: 5\r\n"));
}

#[tokio::test]
async fn a_look_that_fails_is_told_before_the_next_probe_is_due() {
    let options = Options::default()
        .lag_interval(Duration::from_millis(100))
        .health_interval(Duration::from_secs(3600));
    let (layer, registry) = layered_with(options);
    let broker = memory(&layer);
    let monitor = Monitor::start(&layer, broker.clone());
    let server = MetricsServer::bind("127.0.0.1:0", registry, monitor.health()).await;
    let address = server.as_ref().expect("a free port").address();
    let ready = || get(address, "/health/ready");
    assert!(ready().await.starts_with("HTTP/1.1 200 OK"));
    broker.close().await.expect("closed");
    let told = async { while !ready().await.starts_with("HTTP/1.1 503 ") {} };
    let told = tokio::time::timeout(Duration::from_secs(60), told).await;
    told.expect("it is told");
}

#[tokio::test]
async fn a_broker_that_cannot_work_is_not_ready() {
    let (layer, registry) = layered_with(Options::default().health_interval(Duration::ZERO));
    let broker = memory(&layer);
    let monitor = Monitor::start(&layer, broker.clone());
    let server = MetricsServer::bind("127.0.0.1:0", registry, monitor.health()).await;
    let address = server.as_ref().expect("a free port").address();
    assert!(
        get(address, "/health/ready")
            .await
            .starts_with("HTTP/1.1 200 OK")
    );
    broker.close().await.expect("closed");
    let answer = get(address, "/health/ready").await;
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable"),
        "{answer}"
    );
    assert!(answer.contains("\r\n\r\nnot ready: "), "{answer}");
    assert!(
        get(address, "/health/live")
            .await
            .starts_with("HTTP/1.1 200 OK")
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_words() {
    let (server, _monitor) = serving().await;
    let address = server.address();
    let status = async |bytes: &[u8]| {
        let answer = send(address, bytes).await;
        answer.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(
        status(b"GET / HTTP/1.1\r\n\r\n").await,
        "HTTP/1.1 404 Not Found"
    );
    let post = b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
    let answer = send(address, post).await;
    assert!(answer.starts_with("HTTP/1.1 405 Method Not Allowed"));
    assert!(answer.contains("Allow: GET, HEAD\r\n"));
    assert_eq!(
        status(b"\x16\x03\x01\x00\x05hello\r\n\r\n").await,
        "HTTP/1.1 400 Bad Request"
    );
    let huge = [
        "GET /metrics HTTP/1.1\r\nX: ",
        &"y".repeat(100_000),
        "\r\n\r\n",
    ]
    .concat();
    let answer = status(huge.as_bytes()).await;
    assert_eq!(answer, "HTTP/1.1 431 Request Header Fields Too Large");
}

#[tokio::test]
async fn clients_that_say_nothing_do_not_keep_it_from_the_others() {
    let (server, _monitor) = serving().await;
    let address = server.address();
    // More than are served at a time: those behind them wait until the silent ones are given up.
    let mut silent = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(b"GET /metr").await.expect("sent");
        silent.push(stream);
    }
    let limit = Duration::from_secs(60);
    let answer = tokio::time::timeout(limit, get(address, "/health/live")).await;
    assert!(answer.expect("within a minute").ends_with("live\n"));
    let mut told = String::new();
    silent[0]
        .read_to_string(&mut told)
        .await
        .expect("it is told");
    assert!(told.starts_with("HTTP/1.1 408 Request Timeout"), "{told}");
}

#[tokio::test]
async fn after_a_stop_nothing_listens() {
    let (server, _monitor) = serving().await;
    let address = server.address();
    get(address, "/health/live").await;
    server.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_with_a_remedy() {
    let (server, monitor) = serving().await;
    let (_layer, registry) = layered();
    let second = MetricsServer::bind(server.address(), registry, monitor.health()).await;
    let error = second.expect_err("it is taken").to_string();
    assert!(error.contains("a port that is free"), "{error}");
}
