//! Lending connections that are driven by who borrows them.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use glmsg_broker::Durability;
use glmsg_core::{ErrorKind, Result};
use tokio::sync::SemaphorePermit;

use super::direct::Direct;
use super::durable::{Seal, Wish};
use super::watch;
use super::within::within;
use super::{Inner, Link};
use crate::error::{closed, lost};

/// How long a caller waits for one of the connections.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection for a while. It goes back when this is dropped, unless it owes an answer.
#[derive(Debug)]
pub(crate) struct Borrowed<'a> {
    link: &'a Inner,
    direct: Option<Direct>,
    slot: u16,
    _permit: SemaphorePermit<'a>,
}

impl Link {
    /// Lends a connection to the server that has a slot, for commands that are tried once.
    ///
    /// # Errors
    /// `Unavailable` if there is none to be had at once: who can go another way goes there.
    pub(crate) async fn borrow(&self, slot: u16) -> Result<Borrowed<'_>> {
        watch::keep(&self.0);
        let link = &*self.0;
        link.check_open()?;
        let permit = within(PATIENCE, link.lent.acquire()).await;
        let permit = permit.map_err(|_| lost(false))?.map_err(|_| closed())?;
        let owner = link.route.owner(link, slot).await?;
        let node = link.nodes.at(&owner);
        let direct = node.borrow_direct(link).await;
        let direct = direct.inspect_err(|error| {
            if error.kind() == ErrorKind::Unavailable {
                link.route.doubt(&owner);
            }
        })?;
        Ok(Borrowed {
            link,
            direct: Some(direct),
            slot,
            _permit: permit,
        })
    }

    /// Ends, on the server, the connections that were lost while it owed an answer.
    pub(crate) async fn end_lost(&self, slot: u16) -> Result<()> {
        super::fencing::end_lost(&self.0, slot).await
    }
}

impl Borrowed<'_> {
    /// What to write after the commands so that their answers say whether they are as safe as
    /// configured.
    pub(crate) fn seal(&self) -> Seal {
        let wish = match self.link.config.durability {
            Durability::Replicated(replicas) => Wish::Replicas(replicas),
            Durability::Fsynced => Wish::Disk,
            _ => Wish::Answered,
        };
        wish.seal(self.link, self.node(), self.slot)
    }

    /// The server is not the one to ask.
    pub(crate) fn doubt(&self) {
        self.link.route.doubt(&self.node().address);
    }
}

impl Deref for Borrowed<'_> {
    type Target = Direct;

    #[allow(clippy::expect_used, reason = "it is there until the drop")]
    fn deref(&self) -> &Direct {
        self.direct.as_ref().expect("a connection")
    }
}

impl DerefMut for Borrowed<'_> {
    #[allow(clippy::expect_used, reason = "it is there until the drop")]
    fn deref_mut(&mut self) -> &mut Direct {
        self.direct.as_mut().expect("a connection")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if let Some(direct) = self.direct.take_if(|direct| direct.is_idle()) {
            let node = direct.node().clone();
            node.put_direct_back(direct);
        }
    }
}
