//! The one request of Kafka's protocol that is needed here: `Metadata`, which a broker answers when it has joined.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// More than a few brokers have to say. What calls itself longer is no broker.
const LONGEST: usize = 64 * 1024;

/// `Metadata` in its version 1, with the number 1, from a client without a name, of no topics.
const REQUEST: [u8; 18] = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0];

/// How many brokers the one there knows; `None` if it does not answer, or has not joined yet.
pub(super) async fn brokers(addr: SocketAddr) -> Option<usize> {
    let mut stream = TcpStream::connect(addr).await.ok()?;
    stream.write_all(&REQUEST).await.ok()?;
    let length = usize::try_from(stream.read_i32().await.ok()?).ok()?;
    let mut reply = vec![0; Some(length).filter(|length| *length <= LONGEST)?];
    stream.read_exact(&mut reply).await.ok()?;
    count(&reply).filter(|known| *known > 0)
}

/// Behind the number of the request stands the number of brokers.
fn count(reply: &[u8]) -> Option<usize> {
    let count = reply.get(4..8)?.try_into().ok()?;
    usize::try_from(i32::from_be_bytes(count)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_tells_how_many_there_are() {
        assert_eq!(count(&[0, 0, 0, 1, 0, 0, 0, 3, 0, 0]), Some(3));
        assert_eq!(count(&[0, 0, 0, 1, 0, 0]), None);
        assert_eq!(REQUEST[3], 14);
    }
}
