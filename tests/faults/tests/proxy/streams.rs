//! What happens to the bytes of a connection.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use glmsg_faults::proxy::{Direction, Mode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::echo::{connect, echo, is_reset, read_out, start};

#[tokio::test]
async fn a_black_hole_swallows_and_resets_when_it_ends() {
    let (echo_server, proxy, control) = start().await;
    let (mut old, mut idle) = (connect(&proxy).await, connect(&proxy).await);
    echo(&mut old, b"1").await.unwrap();
    echo(&mut idle, b"1").await.unwrap();
    control.set(Mode::BlackHole(Direction::Both)).await;
    let mut new = connect(&proxy).await;
    old.write_all(b"lost").await.unwrap();
    new.write_all(b"lost").await.unwrap();
    control
        .until("both are swallowed", |seen| seen.swallowed == 8)
        .await;
    assert_eq!(*echo_server.got.borrow(), b"11");
    assert_eq!(
        old.try_read(&mut [0; 9]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    control.set(Mode::Pass).await;
    is_reset(old).await;
    is_reset(new).await;
    assert_eq!(
        echo(&mut idle, b"2").await.unwrap(),
        b"2",
        "it lost nothing"
    );
}

#[tokio::test]
async fn half_open_connections_know_nothing_of_it() {
    let (mut server, proxy, control) = start().await;
    let mut stream = connect(&proxy).await;
    echo(&mut stream, b"1").await.unwrap();
    control.set(Mode::BlackHole(Direction::ToClient)).await;
    stream.write_all(b"2").await.unwrap();
    server.has_got(b"12").await;
    control
        .until("the reply is swallowed", |seen| seen.swallowed == 1)
        .await;
    control.set(Mode::BlackHole(Direction::ToServer)).await;
    stream.write_all(b"3").await.unwrap();
    stream.shutdown().await.unwrap();
    control
        .until("the request is swallowed", |seen| seen.swallowed == 2)
        .await;
    assert_eq!(
        (control.seen().open, control.seen().resets),
        (1, 0),
        "not even its end is known"
    );
    control.set(Mode::Pass).await;
    is_reset(stream).await;
    assert_eq!(*server.got.borrow(), b"12");
}

#[tokio::test]
async fn stalled_bytes_arrive_when_it_ends() {
    let (mut server, proxy, control) = start().await;
    let mut stream = connect(&proxy).await;
    echo(&mut stream, b"1").await.unwrap();
    control.set(Mode::Stall(Direction::ToClient)).await;
    stream.write_all(b"2").await.unwrap();
    server.has_got(b"12").await;
    assert_eq!(
        stream.try_read(&mut [0; 9]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    control.set(Mode::Pass).await;
    let mut back = [0; 1];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(back, *b"2");
}

#[tokio::test]
async fn a_delay_delays_each_byte_once() {
    let (_echo, proxy, control) = start().await;
    let mut stream = connect(&proxy).await;
    let (by, jitter) = (Duration::from_millis(100), Duration::from_millis(50));
    control.set(Mode::delay(by, jitter)).await;
    let begin = Instant::now();
    assert_eq!(echo(&mut stream, b"1").await.unwrap(), b"1");
    assert!(begin.elapsed() >= 2 * (by - jitter));
    // Many on the way at once: in order, and not one after the other.
    let begin = Instant::now();
    let (mut reader, mut writer) = stream.split();
    let mut back = [0; 20];
    let write = async {
        for byte in 0..20 {
            writer.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(write, async { reader.read_exact(&mut back).await.unwrap() });
    assert!(back.is_sorted() && back[19] == 19);
    assert!(begin.elapsed() < 20 * by, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_trickle_is_a_byte_each_time() {
    let (_echo, proxy, control) = start().await;
    let mut stream = connect(&proxy).await;
    control.set(Mode::trickle()).await;
    let begin = Instant::now();
    assert_eq!(echo(&mut stream, &[7; 50]).await.unwrap(), [7; 50]);
    assert!(begin.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_cut_comes_after_its_bytes() {
    let (mut server, proxy, control) = start().await;
    let cut = |direction, bytes| Mode::CutAfter { direction, bytes };
    control.set(cut(Direction::ToServer, 3)).await;
    let mut stream = connect(&proxy).await;
    stream.write_all(b"12345").await.unwrap();
    read_out(&mut stream).await;
    server.has_got(b"123").await;
    control.set(cut(Direction::ToClient, 2)).await;
    let mut stream = connect(&proxy).await;
    stream.write_all(b"456").await.unwrap();
    assert_eq!(read_out(&mut stream).await, b"45");
    server.has_got(b"123456").await;
    // Counted anew from when the mode is set, also for a connection that exists.
    control.set(Mode::Pass).await;
    let mut stream = connect(&proxy).await;
    echo(&mut stream, b"7").await.unwrap();
    control.set(cut(Direction::Both, 1)).await;
    stream.write_all(b"89").await.unwrap();
    read_out(&mut stream).await;
    server.has_got(b"12345678").await;
    control.until("three are cut", |seen| seen.cuts == 3).await;
}
