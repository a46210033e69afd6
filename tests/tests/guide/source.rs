//! Receiving.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Intake, Received, Source, SubscribeOptions};
use glmsg_core::{Clock, Error, ErrorKind, Result, SystemClock};

use crate::backend::Shared;
use crate::settler::ShelfSettler;

/// A member's flow of deliveries.
pub struct ShelfSource {
    settler: ShelfSettler,
    lease: Duration,
}

impl ShelfSource {
    pub(crate) fn new(shared: Arc<Shared>, options: &SubscribeOptions, number: u64) -> Self {
        let settler = ShelfSettler {
            shared,
            topic: options.topic.clone(),
            group: options.group.clone(),
            number,
        };
        Self {
            settler,
            lease: options.lease,
        }
    }
}

impl Source for ShelfSource {
    type Settler = ShelfSettler;

    fn settler(&self) -> ShelfSettler {
        self.settler.clone()
    }

    async fn recv(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        let ShelfSettler {
            shared,
            topic,
            group,
            number,
        } = &self.settler;
        loop {
            // Registered before looking: a change between looking and waiting is not missed.
            let mut changed = std::pin::pin!(shared.changed.notified());
            changed.as_mut().enable();
            let now = SystemClock.now();
            let before = buf.len();
            let (intake, due) = {
                let mut store = shared.lock();
                store.check_open()?;
                if store.group(topic, group)?.number != *number {
                    return Err(Error::new(ErrorKind::NotFound, "the group was deleted"));
                }
                store.receive((topic, group), (self.lease, now), buf, max)?
            };
            if buf.len() > before || intake != Intake::default() {
                return Ok(intake);
            }
            // Nothing was taken, so dropping the future here loses nothing.
            match due {
                Some(due) => drop(tokio::time::timeout(due.since(now), changed).await),
                None => changed.await,
            }
        }
    }
}
