//! The TCP socket.

use std::io;

use tokio::net::TcpStream;

use crate::config::Address;

pub(super) async fn connect(address: &Address) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    Ok(stream)
}

/// A peer that vanished is noticed within about half a minute on a connection that only waits.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    use socket2::{SockRef, TcpKeepalive};
    use std::time::Duration;

    let settings = TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5));
    #[cfg(not(windows))]
    let settings = settings.with_retries(3);
    SockRef::from(stream).set_tcp_keepalive(&settings)
}
