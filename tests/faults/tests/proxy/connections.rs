//! What happens to whole connections.

use std::io::ErrorKind;

use glmsg_faults::proxy::Mode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::echo::{Echo, connect, echo, is_reset, read_out, start};

#[tokio::test]
async fn every_byte_passes() {
    let (_echo, proxy, control) = start().await;
    let mut stream = connect(&proxy).await;
    let text: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let (mut reader, mut writer) = stream.split();
    let mut back = vec![0; text.len()];
    let both = tokio::join!(writer.write_all(&text), reader.read_exact(&mut back));
    assert!(both.0.is_ok() && both.1.is_ok() && back == text);
    assert_eq!(
        (control.seen().to_server, control.seen().to_client),
        (200_000, 200_000)
    );
    stream.shutdown().await.unwrap();
    assert!(
        read_out(&mut stream).await.is_empty(),
        "the end passes as well"
    );
    control
        .until("the connection is gone", |seen| seen.open == 0)
        .await;
}

#[tokio::test]
async fn new_connections_go_to_the_new_server() {
    let (_first, proxy, _) = start().await;
    let mut old = connect(&proxy).await;
    echo(&mut old, b"1").await.unwrap();
    let mut second = Echo::start().await;
    proxy.retarget(second.addr);
    echo(&mut connect(&proxy).await, b"2").await.unwrap();
    echo(&mut old, b"3").await.unwrap();
    second.has_got(b"2").await;
}

#[tokio::test]
async fn without_a_server_connections_are_reset() {
    let (_echo, proxy, _) = start().await;
    let nobody = glmsg_faults::Port::hold();
    proxy.retarget(nobody.addr());
    is_reset(connect(&proxy).await).await;
}

#[tokio::test]
async fn refuse_is_for_new_connections() {
    let (_echo, proxy, control) = start().await;
    let mut old = connect(&proxy).await;
    echo(&mut old, b"1").await.unwrap();
    for _ in 0..3 {
        control.set(Mode::Refuse).await;
        let refused = TcpStream::connect(proxy.addr()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(echo(&mut old, b"2").await.unwrap(), b"2");
        control.set(Mode::Pass).await;
        assert_eq!(echo(&mut connect(&proxy).await, b"3").await.unwrap(), b"3");
    }
}

#[tokio::test]
async fn reset_is_for_all_or_for_the_new_or_for_the_old() {
    let (_echo, proxy, control) = start().await;
    let mut old = connect(&proxy).await;
    echo(&mut old, b"1").await.unwrap();
    control.set(Mode::ResetNew).await;
    is_reset(connect(&proxy).await).await;
    assert_eq!(echo(&mut old, b"2").await.unwrap(), b"2");
    control.set(Mode::Reset).await;
    is_reset(connect(&proxy).await).await;
    is_reset(old).await;
    control.set(Mode::Pass).await;
    let mut old = connect(&proxy).await;
    echo(&mut old, b"3").await.unwrap();
    control.reset_existing();
    is_reset(old).await;
    assert_eq!(echo(&mut connect(&proxy).await, b"4").await.unwrap(), b"4");
    assert_eq!(control.seen().resets, 4);
}

#[tokio::test]
async fn a_proxy_that_is_gone_takes_its_connections_along() {
    let (_echo, proxy, control) = start().await;
    let mut stream = connect(&proxy).await;
    echo(&mut stream, b"1").await.unwrap();
    let addr = proxy.addr();
    drop(proxy);
    assert!(read_out(&mut stream).await.is_empty());
    control.set(Mode::Pass).await;
    assert!(TcpStream::connect(addr).await.is_err());
}
