//! Ports of this machine that stay ours.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// A port that is held, whether or not something listens on it.
///
/// A socket is bound to it that never listens. The system then gives the port to nobody who asks for any free one, and
/// whoever names it, with `SO_REUSEADDR` as servers do, can listen on it, stop, and listen again. So there is no moment
/// at which a test that runs beside this one can take the port of a server that is being restarted.
#[derive(Debug)]
pub struct Port {
    socket: TcpSocket,
    addr: SocketAddr,
}

impl Port {
    /// Holds a free port.
    ///
    /// # Panics
    /// If there is none.
    pub fn hold() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let socket = bind(any).expect("there is a free port");
        let addr = socket.local_addr().expect("a bound socket has an address");
        Self { socket, addr }
    }

    /// The address, on the loopback.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The number alone.
    pub fn number(&self) -> u16 {
        self.addr.port()
    }

    /// Listens on it.
    ///
    /// # Errors
    /// If something else does already.
    pub fn listen(&self) -> io::Result<TcpListener> {
        debug_assert!(self.socket.reuseaddr()?, "or nobody else could listen");
        bind(self.addr)?.listen(1024)
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn a_held_port_refuses_until_somebody_listens() {
        let port = Port::hold();
        for _ in 0..3 {
            let refused = TcpStream::connect(port.addr()).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            let listener = port.listen().unwrap();
            let stream = TcpStream::connect(port.addr()).await.unwrap();
            let (_accepted, _) = listener.accept().await.unwrap();
            drop((listener, stream));
        }
    }

    #[tokio::test]
    async fn nobody_else_gets_a_held_port() {
        let port = Port::hold();
        let others: Vec<Port> = (0..200).map(|_| Port::hold()).collect();
        assert!(others.iter().all(|other| other.addr() != port.addr()));
        let plain = std::net::TcpListener::bind(port.addr());
        assert!(plain.is_ok(), "who names it gets it: {plain:?}");
        assert!(port.listen().is_err(), "and then nobody else does");
    }
}
