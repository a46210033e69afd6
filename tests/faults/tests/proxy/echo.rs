//! The server that echoes, and a client of it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use glmsg_faults::proxy::{Control, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A server that sends back what it gets, and tells how much it got in all.
pub(crate) struct Echo {
    pub(crate) addr: SocketAddr,
    pub(crate) got: watch::Receiver<Vec<u8>>,
}

impl Echo {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (sender, got) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut buffer = [0; 1000];
                    while let Ok(bytes @ 1..) = stream.read(&mut buffer).await {
                        sender.send_modify(|got| got.extend_from_slice(&buffer[..bytes]));
                        if stream.write_all(&buffer[..bytes]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { addr, got }
    }

    pub(crate) async fn has_got(&mut self, text: &[u8]) {
        let waited = self.got.wait_for(|got| got == text);
        let in_time = tokio::time::timeout(Duration::from_secs(30), waited)
            .await
            .is_ok();
        assert!(in_time, "the server got {:?}", *self.got.borrow());
    }
}

pub(crate) async fn start() -> (Echo, Proxy, Control) {
    let echo = Echo::start().await;
    let proxy = Proxy::start(echo.addr).await;
    let control = proxy.control();
    (echo, proxy, control)
}

pub(crate) async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.addr()).await.unwrap()
}

/// Sends some bytes and reads as many.
pub(crate) async fn echo(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(text).await?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).await?;
    Ok(back)
}

pub(crate) async fn is_reset(mut stream: TcpStream) {
    let error = stream.read(&mut [0; 10]).await.expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// Reads until the other side ends the connection, in whatever way.
pub(crate) async fn read_out(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    all
}
