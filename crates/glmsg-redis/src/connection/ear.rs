//! A connection that listens to channels.

use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{Error, Result};
use redis::{Cmd, Value};
use tokio::sync::watch;

use super::dedicated::{connect, other_owner};
use super::direct::Direct;
use super::reply::Answers;
use super::{Inner, Link};
use crate::error::{closed, lost, server_error};

/// A connection that listens to channels, at the server that has a slot.
///
/// The one that has the slot, although on a Cluster every node hears what is published at any: so
/// that who publishes there is heard without a second node between.
#[derive(Debug)]
pub(crate) struct Ear {
    link: Arc<Inner>,
    slot: u16,
    direct: Direct,
    generations: watch::Receiver<u64>,
}

impl Link {
    /// Connects and subscribes, by a command with one channel or pattern. One try.
    pub(crate) async fn listen(&self, slot: u16, subscribe: &Cmd) -> Result<Ear> {
        let link = &self.0;
        link.check_open()?;
        let generations = link.generation.subscribe();
        let mut direct = connect(link, slot).await?;
        direct.write(&subscribe.get_packed_command()).await?;
        let mut answer = direct.answers(1, Duration::ZERO).await?;
        if let Value::ServerError(refusal) = answer.value()? {
            return Err(server_error(&refusal));
        }
        Ok(Ear {
            link: Arc::clone(link),
            slot,
            direct,
            generations,
        })
    }
}

impl Ear {
    /// Tells what it hears until the connection is of no more use, and returns why that is.
    pub(crate) async fn hear(mut self, mut tell: impl FnMut(Answers)) -> Error {
        let address = self.direct.node().address.clone();
        let hearing = async {
            loop {
                match self.direct.hear().await {
                    Ok(heard) => tell(heard),
                    Err(error) => return error,
                }
            }
        };
        let error = tokio::select! {
            error = hearing => error,
            () = other_owner(&self.link, self.slot, &address, &mut self.generations) => {
                if self.link.is_closed() { closed() } else { lost(false) }
            }
        };
        self.link.route.doubt(&address);
        error
    }
}
