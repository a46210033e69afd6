//! The way to the servers: where a slot is, the connections there, and sending until it worked.
//!
//! redis-rs gives one connection at a time. Its cluster client sends again without telling, so that
//! nobody knows whether a command ran twice; its `ConnectionManager` stays with a master that became
//! a replica.

mod apart;
mod backoff;
mod cluster;
mod dedicated;
mod dial;
mod direct;
mod durable;
mod ear;
mod fence;
mod fencing;
mod flush;
mod lend;
mod life;
mod node;
mod once;
mod primary;
mod progress;
mod reply;
mod request;
mod route;
mod send;
mod sentinel;
mod slot;
#[cfg(feature = "tls")]
mod tls;
mod verdict;
mod watch;
mod wire;
mod within;
mod work;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use glmsg_core::Result;
use redis::{Pipeline, Value};
use tokio::sync::{Semaphore, watch as tokio_watch};

use self::dial::Dialer;
use self::durable::Wish;
use self::fence::Fences;
use self::node::Nodes;
use self::route::Route;
use crate::config::RedisConfig;
use crate::error::closed;
use crate::standing::Standing;

pub(crate) use apart::apart;
pub(crate) use backoff::Backoff;
pub(crate) use dedicated::Dedicated;
pub(crate) use ear::Ear;
pub(crate) use lend::Borrowed;
pub(crate) use life::Life;
pub(crate) use primary::Primary;
pub(crate) use reply::{Answers, Head};
pub(crate) use request::{First, Request, put_head, put_word};
pub(crate) use slot::slot_of;

/// The way to the servers. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Itself, for what goes on apart from its caller.
    me: Weak<Inner>,
    config: RedisConfig,
    dialer: Dialer,
    route: Route,
    nodes: Nodes,
    /// Grows when a connection was replaced or another master was found.
    generation: tokio_watch::Sender<u64>,
    is_closed: AtomicBool,
    /// How many connections there may be for calls that wait for durability. Those of
    /// subscriptions are not bounded, or the ones over it would starve.
    durable: Semaphore,
    /// How many connections may be lent at a time.
    lent: Semaphore,
    fences: Fences,
    /// Looks for another master.
    watch: Standing,
}

/// The answers to a call.
#[derive(Debug)]
pub(crate) struct Replies {
    /// One for each command. A command the server refused has the refusal.
    pub(crate) values: Vec<Value>,
    /// Sent more than once, and an earlier try may have been executed.
    pub(crate) was_resent: bool,
    /// The wished durability was reached, as far as the call asked for it.
    pub(crate) reached: bool,
}

impl Link {
    /// Connects. The scripts are loaded on every server that is connected to.
    pub(crate) async fn open<S: Into<String>>(
        config: RedisConfig,
        scripts: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        config.check()?;
        let scripts = scripts.into_iter().map(Into::into).collect();
        let dialer = Dialer::new(&config, scripts)?;
        let inner = |me: &Weak<Inner>| Inner {
            me: me.clone(),
            dialer,
            route: Route::new(&config),
            nodes: Nodes::default(),
            generation: tokio_watch::Sender::new(0),
            is_closed: AtomicBool::new(false),
            durable: Semaphore::new(config.connections),
            lent: Semaphore::new(config.connections),
            fences: Fences::default(),
            watch: Standing::default(),
            config,
        };
        let link = Self(Arc::new_cyclic(inner));
        link.nodes().await?;
        durable::check(&link.0)?;
        crate::doctor::refuse_eviction(&link).await?;
        watch::keep(&link.0);
        Ok(link)
    }

    /// What it was opened with.
    pub(crate) fn config(&self) -> &RedisConfig {
        &self.0.config
    }

    /// Runs commands, all of keys in this slot, until the server has executed or finally refused
    /// each, or the time is over. Only for commands that may be executed twice.
    pub(crate) async fn send(&self, slot: u16, commands: &Pipeline) -> Result<Replies> {
        watch::keep(&self.0);
        send::send(&self.0, slot, commands, Wish::Answered).await
    }

    /// As [`send`](Self::send), and waits until what was written is as safe as configured.
    pub(crate) async fn send_durably(&self, slot: u16, commands: &Pipeline) -> Result<Replies> {
        durable::send(&self.0, slot, commands).await
    }

    /// A connection of its own to the server that has this slot, for commands that wait.
    pub(crate) async fn dedicated(&self, slot: u16) -> Result<Dedicated> {
        Dedicated::open(&self.0, slot).await
    }

    /// Grows whenever a connection was replaced or another master was found.
    #[cfg(test)]
    pub(crate) fn generation(&self) -> u64 {
        *self.0.generation.borrow()
    }

    /// To be woken whenever a connection was replaced or another master was found.
    pub(crate) fn generations(&self) -> tokio_watch::Receiver<u64> {
        self.0.generation.subscribe()
    }

    /// Every server that has slots, connected.
    pub(crate) async fn nodes(&self) -> Result<Vec<Primary>> {
        primary::all(&self.0).await
    }

    /// Ends every connection. What comes after it is refused with `Closed`.
    pub(crate) fn close(&self) {
        self.0.is_closed.store(true, Ordering::SeqCst);
        self.0.durable.close();
        self.0.lent.close();
        self.0.nodes.keep(|_| false);
        // Who waits on a connection of their own looks up.
        self.0.generation.send_modify(|number| *number += 1);
    }
}

impl Inner {
    #[allow(
        clippy::expect_used,
        reason = "it is made in an `Arc`, which whoever has it keeps"
    )]
    fn own(&self) -> Arc<Self> {
        self.me.upgrade().expect("a link in use")
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    fn check_open(&self) -> Result<()> {
        if self.is_closed() {
            return Err(closed());
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
