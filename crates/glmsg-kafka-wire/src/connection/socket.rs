//! The TCP socket.

use std::io;
use std::time::Duration;

use glmsg_core::Result;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};

use super::error::{from_io, unavailable, unresolved};

/// Connects to the first address of the host that takes it.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream> {
    let found = lookup_host((host, port)).await;
    let mut trouble = None;
    for address in found.map_err(|e| unresolved(&e))? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                prepare(&stream).map_err(|e| from_io(&e))?;
                return Ok(stream);
            }
            Err(error) => trouble = Some(error),
        }
    }
    Err(trouble.map_or_else(unavailable, |e| from_io(&e)))
}

/// A request does not wait for more bytes, and a peer that vanished is noticed within about half a
/// minute on a connection that only waits.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let settings = TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5));
    #[cfg(not(windows))]
    let settings = settings.with_retries(3);
    SockRef::from(stream).set_tcp_keepalive(&settings)
}
