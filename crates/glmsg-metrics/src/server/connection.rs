//! One connection: one request, one answer.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{Routes, answer};
use super::request;

/// How long a client may take to take an answer.
const WRITE: Duration = Duration::from_secs(10);
/// How long, and how much, is read of a client that goes on sending.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;

pub(super) async fn serve(mut stream: TcpStream, routes: &Routes) {
    let asked = request::read(&mut stream).await;
    let Some(answer) = answer(routes, asked).await else {
        return;
    };
    let bytes = answer.bytes();
    let sent = timeout(WRITE, async {
        stream.write_all(&bytes).await?;
        stream.shutdown().await
    });
    if matches!(sent.await, Ok(Ok(()))) {
        if let Some(number) = answer.scrape {
            routes.scrapes.given(number);
        }
        let _ = timeout(LINGER, drain(&mut stream)).await;
    }
}

/// Reads what still comes: closing a connection with bytes unread resets it, and the client may
/// lose the answer that says what it did wrong.
async fn drain(stream: &mut TcpStream) {
    let mut part = [0; 4096];
    let mut left = LINGER_BYTES;
    while left > 0 {
        match stream.read(&mut part).await {
            Ok(read) if read > 0 => left = left.saturating_sub(read),
            _ => return,
        }
    }
}
