//! One connection through a proxy: a client, a server, and two lanes between them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::control::Seen;
use super::lane::Lane;
use super::mode::{Direction, Mode};
use super::shared::Shared;

/// How long a server may take to finish what it was sent, after its client was cut off.
const LINGER: Duration = Duration::from_secs(10);

/// Why a connection ends before both sides have closed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Reset,
    Cut,
    ReplyDropped,
}

/// What the two lanes of a connection tell each other.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Bytes have vanished: the stream has a hole.
    pub(super) has_hole: AtomicBool,
    /// A request has been passed on whose reply is to be dropped.
    pub(super) drops_reply: AtomicBool,
}

/// Counts an open connection, also if its task is aborted.
struct Open<'a>(&'a Shared);

impl<'a> Open<'a> {
    fn count(shared: &'a Shared) -> Self {
        shared.saw(|seen| seen.open += 1);
        Self(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.saw(|seen| seen.open -= 1);
    }
}

pub(super) async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let _open = Open::count(&shared);
    let mut resets = shared.resets.subscribe();
    match shared.setting().mode {
        Mode::Reset | Mode::ResetNew => return reset(&shared, client, None),
        Mode::BlackHole(Direction::Both) => {
            tokio::select! {
                () = swallow(&client, &shared) => {}
                _ = resets.changed() => {}
            }
            return reset(&shared, client, None);
        }
        _ => {}
    }
    let server = tokio::select! {
        connected = TcpStream::connect(shared.upstream()) => connected,
        _ = resets.changed() => Err(io::ErrorKind::ConnectionReset.into()),
    };
    // No server: the client has been accepted already, so a reset is the nearest to a refusal.
    let Ok(server) = server else {
        return reset(&shared, client, None);
    };
    // A delay is made where it is asked for, and nowhere else.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    run(client, server, &shared, &mut resets).await;
}

async fn run(
    mut client: TcpStream,
    mut server: TcpStream,
    shared: &Shared,
    resets: &mut watch::Receiver<u64>,
) {
    let link = Link::default();
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let requests = Lane::new(Direction::ToServer, shared, &link);
        let replies = Lane::new(Direction::ToClient, shared, &link);
        tokio::select! {
            lanes = async {
                tokio::try_join!(requests.run(from_client, to_server), replies.run(from_server, to_client))
            } => lanes.err(),
            _ = resets.changed() => Some(End::Reset),
            () = healed(shared, &link) => Some(End::Reset),
        }
    };
    match end {
        None => {}
        Some(End::Cut) => shared.saw(|seen| seen.cuts += 1),
        Some(End::Reset) => reset(shared, client, Some(server)),
        Some(End::ReplyDropped) => {
            drop(client);
            shared.saw(|seen| seen.replies_dropped += 1);
            // Not closed at once: a reset could overtake the request, and then the server would not execute it.
            let _ = tokio::time::timeout(LINGER, drain(server)).await;
        }
    }
}

fn reset(shared: &Shared, client: TcpStream, server: Option<TcpStream>) {
    shared.saw(|seen| seen.resets += 1);
    for stream in [Some(client), server].into_iter().flatten() {
        // Closing then sends RST instead of FIN. It can only fail if the peer was faster.
        let _ = stream.set_zero_linger();
    }
}

/// Reads and forgets, until there is no black hole any more.
async fn swallow(client: &TcpStream, shared: &Shared) {
    let mut settings = shared.settings();
    let mut buffer = [0; 4096];
    let mut is_open = true;
    loop {
        tokio::select! {
            left = settings.wait_for(|setting| !setting.mode.is_black_hole()) => {
                drop(left);
                return;
            }
            ready = client.readable(), if is_open => match ready.and_then(|()| client.try_read(&mut buffer)) {
                Ok(0) => is_open = false,
                Ok(bytes) => shared.saw(|seen: &mut Seen| seen.swallowed += count(bytes)),
                Err(error) => is_open = error.kind() == io::ErrorKind::WouldBlock,
            },
        }
    }
}

/// Returns when the mode is no black hole any more, and this connection has lost bytes to one.
async fn healed(shared: &Shared, link: &Link) {
    let mut settings = shared.settings();
    loop {
        let is_hole = settings.borrow_and_update().mode.is_black_hole();
        if !is_hole && link.has_hole.load(Ordering::Relaxed) {
            return;
        }
        if settings.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

async fn drain(mut server: TcpStream) {
    let mut buffer = [0; 4096];
    let _ = server.shutdown().await;
    while server.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {}
}

pub(super) fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
