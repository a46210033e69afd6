//! The task that accepts a proxy's connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::connection;
use super::mode::Mode;
use super::shared::Shared;
use crate::port::Port;

/// Runs until it is aborted, and takes its connections along.
pub(super) async fn run(port: Port, shared: Arc<Shared>, only: Option<IpAddr>) {
    // Whoever is not meant has everything passed on.
    let others = Arc::new(Shared::new(shared.upstream()));
    let mut settings = shared.settings();
    let mut listener: Option<TcpListener> = None;
    let mut connections = JoinSet::new();
    loop {
        let setting = settings.borrow_and_update().clone();
        if setting.mode == Mode::Refuse {
            listener = None;
        } else if listener.is_none() {
            listener = Some(port.listen().expect("the held port is free"));
        }
        shared.acted_on(setting.serial);
        tokio::select! {
            // First, so that no connection is accepted under a mode that is over.
            biased;
            changed = settings.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            accepted = accept(listener.as_ref()) => {
                // A client that is gone again before it was accepted is nobody's fault.
                if let Ok((client, peer)) = accepted {
                    let is_meant = only.is_none_or(|only| only == peer.ip());
                    let shared = if is_meant { &shared } else { &others };
                    shared.saw(|seen| seen.accepted += 1);
                    connections.spawn(connection::serve(client, Arc::clone(shared)));
                }
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}
