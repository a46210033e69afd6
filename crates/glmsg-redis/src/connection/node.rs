//! One server, and the connections to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use glmsg_broker::Durability;
use glmsg_core::{Error, ErrorKind, Result};
use tokio::time::Instant;

use super::Inner;
use super::apart::apart;
use super::backoff::Backoff;
use super::dial::Purpose;
use super::direct::{ClientName, Direct};
use super::flush::Flush;
use super::wire::Wire;
use crate::config::Address;

/// How long nobody knocks again after the server has refused us for a reason that stays: a wrong
/// password, a certificate nobody trusts.
const REFUSED: Duration = Duration::from_secs(1);

/// One server. Every node has one connection that all calls share.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) address: Address,
    shared: RwLock<Option<Arc<Wire>>>,
    /// Held while connecting, so that many callers make one connection. Only by tasks that go on
    /// apart from them.
    door: tokio::sync::Mutex<Door>,
    spare: Mutex<Vec<Wire>>,
    /// Connections that nobody drives just now.
    idle: Mutex<Vec<Direct>>,
    /// Connections that broke while the server owed an answer to what must not be done twice. It
    /// may still do it, until it has ended them.
    unended: Mutex<Vec<ClientName>>,
    /// How it writes to its disk, where this matters.
    flush: Mutex<Option<Flush>>,
}

/// How connecting went.
#[derive(Debug, Default)]
struct Door {
    backoff: Backoff,
    /// The last failure, and until when it stands for every try.
    failed: Option<(Instant, Error)>,
    was_connected: bool,
}

impl Node {
    fn new(address: Address) -> Self {
        Self {
            address,
            shared: RwLock::default(),
            door: tokio::sync::Mutex::default(),
            spare: Mutex::default(),
            idle: Mutex::default(),
            unended: Mutex::default(),
            flush: Mutex::default(),
        }
    }

    fn open_wire(&self) -> Option<Arc<Wire>> {
        let shared = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        shared.as_ref().filter(|wire| wire.is_open()).cloned()
    }

    /// The connection all calls share, made anew if it has ended.
    pub(super) async fn wire(self: &Arc<Self>, link: &Inner) -> Result<Arc<Wire>> {
        match self.open_wire() {
            Some(wire) => Ok(wire),
            None => {
                let (node, link) = (Arc::clone(self), link.own());
                apart(async move { node.new_wire(&link).await }).await
            }
        }
    }

    async fn new_wire(&self, link: &Inner) -> Result<Arc<Wire>> {
        let mut door = self.door.lock().await;
        if let Some(wire) = self.open_wire() {
            return Ok(wire);
        }
        let dialed = self
            .knock(link, &mut door, Purpose::Work { load_scripts: true })
            .await;
        let wire = Arc::new(dialed?);
        link.check_open()?;
        if link.config.durability == Durability::Fsynced {
            let flush = Flush::probe(&wire).await?;
            *self.flush.lock().unwrap_or_else(PoisonError::into_inner) = Some(flush);
        }
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        *shared = Some(Arc::clone(&wire));
        drop(shared);
        if std::mem::replace(&mut door.was_connected, true) {
            tracing::info!(address = %self.address, "connected again");
            link.generation.send_modify(|number| *number += 1);
        }
        Ok(wire)
    }

    /// A connection for one caller alone.
    pub(super) async fn own_wire(self: &Arc<Self>, link: &Inner) -> Result<Wire> {
        let (node, link) = (Arc::clone(self), link.own());
        let purpose = Purpose::Work {
            load_scripts: false,
        };
        apart(async move {
            let mut door = node.door.lock().await;
            node.knock(&link, &mut door, purpose).await
        })
        .await
    }

    async fn knock(&self, link: &Inner, door: &mut Door, purpose: Purpose) -> Result<Wire> {
        let dialing = link.dialer.dial(&self.address, purpose);
        self.through(door, dialing).await
    }

    /// A connection for one who drives it: one put back before, or a new one.
    pub(super) async fn borrow_direct(self: &Arc<Self>, link: &Inner) -> Result<Direct> {
        if let Some(direct) = self.idle().pop() {
            return Ok(direct);
        }
        self.own_direct(link).await
    }

    /// A new connection for one who drives it.
    pub(super) async fn own_direct(self: &Arc<Self>, link: &Inner) -> Result<Direct> {
        let (node, link) = (Arc::clone(self), link.own());
        apart(async move {
            let mut door = node.door.lock().await;
            let dialing = link.dialer.dial_direct(&node);
            node.through(&mut door, dialing).await
        })
        .await
    }

    /// Puts one back that nobody drives any more.
    pub(super) fn put_direct_back(&self, direct: Direct) {
        self.idle().push(direct);
    }

    /// Notes a connection that broke while the server owed an answer.
    pub(super) fn note_unended(&self, name: ClientName) {
        let mut unended = self.unended.lock().unwrap_or_else(PoisonError::into_inner);
        unended.push(name);
    }

    /// The connections that the server must be told to end.
    pub(super) fn unended(&self) -> Vec<ClientName> {
        let unended = self.unended.lock().unwrap_or_else(PoisonError::into_inner);
        unended.clone()
    }

    /// They are ended.
    pub(super) fn forget_unended(&self, ended: &[ClientName]) {
        let mut unended = self.unended.lock().unwrap_or_else(PoisonError::into_inner);
        unended.retain(|name| !ended.contains(name));
    }

    async fn through<T>(
        &self,
        door: &mut Door,
        dialing: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if let Some((until, error)) = &door.failed
            && Instant::now() < *until
        {
            return Err(error.duplicate());
        }
        match dialing.await {
            Ok(made) => {
                door.failed = None;
                door.backoff = Backoff::default();
                Ok(made)
            }
            Err(error) => {
                let pause = match error.kind() {
                    ErrorKind::Unavailable => door.backoff.next(),
                    _ => REFUSED,
                };
                door.failed = Some((Instant::now() + pause, error.duplicate()));
                Err(error)
            }
        }
    }

    /// A connection for a while: one put back before, or a new one.
    pub(super) async fn borrow(self: &Arc<Self>, link: &Inner) -> Result<Wire> {
        loop {
            let kept = self.spares().pop();
            match kept {
                Some(wire) if wire.is_open() => return Ok(wire),
                Some(_) => {}
                None => return self.own_wire(link).await,
            }
        }
    }

    /// Puts a borrowed connection back.
    pub(super) fn put_back(&self, wire: Wire) {
        if wire.is_open() {
            self.spares().push(wire);
        }
    }

    /// How it writes to its disk, as found at the last connect.
    pub(super) fn flush(&self) -> Option<Flush> {
        *self.flush.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spares(&self) -> std::sync::MutexGuard<'_, Vec<Wire>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Direct>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets what is on its way finish, and makes new connections for what comes. The name may
    /// stand for another server by now.
    pub(super) fn retire(&self) {
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        *shared = None;
        drop(shared);
        self.spares().clear();
        self.idle().clear();
    }

    /// Ends every connection.
    pub(super) fn cut(&self) {
        let mut shared = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(wire) = shared.take() {
            wire.cut();
        }
        drop(shared);
        self.spares().clear();
        self.idle().clear();
    }
}

/// The servers known so far.
#[derive(Debug, Default)]
pub(super) struct Nodes(Mutex<HashMap<Address, Arc<Node>>>);

impl Nodes {
    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Node>> {
        let nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.values().cloned().collect()
    }

    /// The node at an address.
    pub(super) fn at(&self, address: &Address) -> Arc<Node> {
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.get(address) {
            return Arc::clone(node);
        }
        let node = Arc::new(Node::new(address.clone()));
        nodes.insert(address.clone(), Arc::clone(&node));
        node
    }

    /// Forgets all nodes but these, and ends their connections.
    pub(super) fn keep(&self, is_kept: impl Fn(&Address) -> bool) {
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.retain(|address, node| {
            let kept = is_kept(address);
            if !kept {
                node.cut();
            }
            kept
        });
    }
}
