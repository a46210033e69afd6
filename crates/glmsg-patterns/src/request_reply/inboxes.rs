//! The inboxes a responder replies to: whether they are there, and that none comes back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_broker::{Broker, CancellationToken};
use glmsg_core::{ErrorKind, TopicName};
use tokio::time::{Instant, sleep};

use super::inbox::named_at;

/// How long a look holds.
const FRESH: Duration = Duration::from_secs(2);
/// When an inbox that had no reply for this long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// What a responder knows of inboxes. A publish to a topic that is not there makes it, so a late
/// reply could bring an inbox back that was deleted. It is looked for before, and, as it may go
/// between the look and the publish, once more a little later: an inbox without a group is what a
/// publish of ours has made, and goes.
pub(super) struct Inboxes {
    broker: Arc<dyn Broker>,
    known: Mutex<HashMap<TopicName, Known>>,
}

#[derive(Clone, Copy)]
struct Known {
    looked: Instant,
    used: Instant,
}

enum Look {
    There,
    /// There is a topic, and nobody's.
    Orphan,
    Gone,
}

impl Inboxes {
    pub(super) fn new(broker: Arc<dyn Broker>) -> Self {
        Self {
            broker,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<TopicName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `true` if a reply may be published to it. Topics that are no inboxes are whatever the user
    /// makes of them.
    pub(super) async fn is_there(&self, inbox: &TopicName) -> bool {
        if named_at(inbox).is_none() {
            return true;
        }
        let now = Instant::now();
        if let Some(known) = self.known().get_mut(inbox)
            && now < known.looked + FRESH
        {
            known.used = now;
            return true;
        }
        match self.look(inbox).await {
            Look::There => {
                let known = Known {
                    looked: now,
                    used: Instant::now(),
                };
                self.known().insert(inbox.clone(), known);
                true
            }
            Look::Orphan => {
                self.delete(inbox).await;
                false
            }
            Look::Gone => {
                self.known().remove(inbox);
                false
            }
        }
    }

    async fn look(&self, inbox: &TopicName) -> Look {
        match self.broker.groups(inbox).await {
            Ok(groups) if groups.is_empty() => Look::Orphan,
            Err(error) if error.kind() == ErrorKind::NotFound => Look::Gone,
            // Who cannot look tries to reply.
            Ok(_) | Err(_) => Look::There,
        }
    }

    async fn delete(&self, inbox: &TopicName) {
        self.known().remove(inbox);
        if let Err(error) = self.broker.delete_topic(inbox).await
            && error.kind() != ErrorKind::NotFound
        {
            tracing::debug!(%inbox, %error, "an inbox that is nobody's could not be deleted");
        }
    }

    /// Looks once more at all that was used since the last look.
    pub(super) async fn look_again(&self) {
        let now = Instant::now();
        let used: Vec<TopicName> = {
            let mut known = self.known();
            known.retain(|_, known| now < known.used + FORGOTTEN);
            let used = known.iter().filter(|(_, known)| known.used >= known.looked);
            used.map(|(inbox, _)| inbox.clone()).collect()
        };
        for inbox in used {
            let looked = Instant::now();
            match self.look(&inbox).await {
                Look::There => {
                    if let Some(known) = self.known().get_mut(&inbox) {
                        known.looked = looked;
                    }
                }
                Look::Orphan => self.delete(&inbox).await,
                Look::Gone => drop(self.known().remove(&inbox)),
            }
        }
    }

    /// Looks now and then, until it is stopped.
    pub(super) async fn keep(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(FRESH) => {}
            }
            self.look_again().await;
        }
    }
}
