//! Replies that are dropped, and everything together.

use std::time::Duration;

use glmsg_faults::ledger::{What, Writer, read_dir};
use glmsg_faults::proxy::{Chaos, DropReply, Mode};
use tokio::net::TcpStream;

use crate::echo::{connect, echo, start};

#[tokio::test]
async fn a_dropped_reply_is_of_an_executed_request() {
    let (mut server, proxy, control) = start().await;
    let mut stream = connect(&proxy).await;
    echo(&mut stream, b"1").await.unwrap();
    control.set(Mode::DropReply(DropReply::once())).await;
    assert!(echo(&mut stream, b"2").await.is_err());
    server.has_got(b"12").await;
    assert_eq!(control.mode(), Mode::Pass, "only once");
    assert_eq!(echo(&mut connect(&proxy).await, b"3").await.unwrap(), b"3");
    control.set(Mode::DropReply(DropReply::always())).await;
    for _ in 0..3 {
        assert!(echo(&mut connect(&proxy).await, b"4").await.is_err());
    }
    server.has_got(b"123444").await;
    assert_eq!(control.seen().replies_dropped, 4);
}

#[tokio::test]
async fn a_dropped_reply_is_of_the_request_that_was_named() {
    let (mut server, proxy, control) = start().await;
    let (mut stream, mut other) = (connect(&proxy).await, connect(&proxy).await);
    control
        .set(Mode::DropReply(DropReply::times(2).to("XADD")))
        .await;
    assert_eq!(echo(&mut stream, b"PING").await.unwrap(), b"PING");
    assert_eq!(echo(&mut stream, b"XA").await.unwrap(), b"XA");
    assert!(echo(&mut stream, b"DD").await.is_err(), "in two pieces");
    assert_eq!(echo(&mut other, b"XDEL").await.unwrap(), b"XDEL");
    assert!(echo(&mut other, b"a XADD b").await.is_err());
    assert_eq!(
        echo(&mut connect(&proxy).await, b"XADD").await.unwrap(),
        b"XADD"
    );
    server.has_got(b"PINGXADDXDELa XADD bXADD").await;
}

#[tokio::test]
async fn chaos_is_survived_by_whoever_tries_again() {
    let (_echo, proxy, control) = start().await;
    let dir = tempfile::tempdir().unwrap();
    let ledger = Writer::open(dir.path(), "chaos");
    let ms = Duration::from_millis;
    let chaos = Chaos::new(5).lasting(ms(1)..=ms(20)).apart(ms(1)..=ms(10));
    let chaos = chaos.run(&control, &ledger);
    let mut failures = 0;
    while failures < 10 {
        let attempt = async {
            let mut stream = TcpStream::connect(proxy.addr()).await?;
            loop {
                assert_eq!(echo(&mut stream, b"hello").await?, b"hello");
            }
        };
        let failed: std::io::Result<()> = attempt.await;
        failures += u32::from(failed.is_err());
    }
    let faults = chaos.stop().await;
    assert_eq!(control.mode(), Mode::Pass);
    assert_eq!(
        echo(&mut connect(&proxy).await, b"all is well")
            .await
            .unwrap(),
        b"all is well"
    );
    let events = read_dir(dir.path()).unwrap();
    let begins = events
        .iter()
        .filter(|event| matches!(event.what, What::FaultBegin { .. }));
    assert_eq!(u64::try_from(begins.count()).unwrap(), faults);
    assert_eq!(u64::try_from(events.len()).unwrap(), 2 * faults);
}
