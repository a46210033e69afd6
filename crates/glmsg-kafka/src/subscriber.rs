//! Joining a group and receiving.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Intake, Received, Source, SubscribeOptions, Token};
use glmsg_core::{DeadLetterReason, Error, ErrorKind, Result};

use crate::KafkaSettler;
use crate::broker::{Shared, closed};
use crate::group::{Group, Membership};
use crate::inbox::Taken;
use crate::moving;
use crate::names::Kind;

/// A subscription of a [`KafkaBroker`](crate::KafkaBroker). Dropping it leaves the group, if it is
/// the process's last one in it.
pub struct KafkaSource {
    shared: Arc<Shared>,
    group: Arc<Group>,
    /// Ends when what this had is given back.
    _membership: Membership,
    lease: Duration,
    /// Taken, and to be told of before it is handed out.
    taken: Option<(Vec<Received>, u64)>,
    /// To be made dead letters.
    condemned: VecDeque<(Token, DeadLetterReason, Box<str>)>,
    intake: Intake,
}

impl fmt::Debug for KafkaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSource")
            .field("topic", &self.group.topic)
            .field("group", &self.group.group)
            .finish_non_exhaustive()
    }
}

impl KafkaSource {
    pub(crate) async fn join(shared: &Arc<Shared>, options: &SubscribeOptions) -> Result<Self> {
        options.check()?;
        shared.check_open()?;
        let membership = shared.cluster.join_group(options).await?;
        Ok(Self {
            shared: Arc::clone(shared),
            group: Arc::clone(&membership.0),
            _membership: membership,
            lease: options.lease,
            taken: None,
            condemned: VecDeque::new(),
            intake: Intake::default(),
        })
    }

    async fn receive(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        loop {
            self.group.check()?;
            self.bury().await?;
            if let Some((_, changes)) = &self.taken {
                let changes = *changes;
                self.group.await_commit(changes).await?;
            }
            if let Some((received, _)) = &mut self.taken {
                // Telling took its time: the lease runs from now.
                let now = self.group.now();
                let mut inbox = self.group.inbox();
                received.retain(|one| inbox.extend(one.token, self.lease, now).is_current());
                drop(inbox);
                let count = received.len().min(max);
                buf.extend(received.drain(..count));
                if received.is_empty() {
                    self.taken = None;
                    if count == 0 && self.intake == Intake::default() {
                        continue;
                    }
                }
                return Ok(std::mem::take(&mut self.intake));
            }
            if self.intake != Intake::default() {
                return Ok(std::mem::take(&mut self.intake));
            }
            // Made before looking, so that nothing comes between looking and waiting.
            let group = Arc::clone(&self.group);
            let ready = group.ready.notified();
            if self.take(buf, max) {
                continue;
            }
            if !buf.is_empty() {
                return Ok(Intake::default());
            }
            if *self.group.ended.borrow() {
                self.group.check()?;
                return Err(closed());
            }
            ready.await;
        }
    }

    /// Takes what there is. Returns whether there is something to be done before it is handed out.
    fn take(&mut self, buf: &mut Vec<Received>, max: usize) -> bool {
        let now = self.group.now();
        let mut inbox = self.group.inbox();
        let moved = inbox.advance(now);
        let Taken {
            received,
            condemned,
            must_tell,
        } = inbox.take(max, self.lease, now);
        let (changes, left) = (inbox.changes, inbox.ready());
        drop(inbox);
        moving::on(&self.group, moved);
        self.condemned = condemned.into();
        if !received.is_empty() || !self.condemned.is_empty() {
            self.group.notice();
            if left > 0 {
                self.group.offer();
            }
        }
        if must_tell || !self.condemned.is_empty() {
            self.taken = (!received.is_empty()).then_some((received, changes));
            return true;
        }
        buf.extend(received);
        false
    }

    async fn bury(&mut self) -> Result<()> {
        while let Some((token, reason, why)) = self.condemned.front() {
            let moved = self.group.inbox().condemn(*token);
            let (reason, why) = (*reason, why.clone());
            if let Some(moved) = moved {
                let group = Arc::clone(&self.group);
                let burial = async move { moving::bury(&group, &moved, reason, &why).await };
                // A task of its own: what has begun to move must arrive. If this call is given up,
                // its report alone is lost.
                let done = self.group.runtime.spawn(burial).await;
                done.map_err(|_| closed())??;
                match reason {
                    DeadLetterReason::Expired => self.intake.expired += 1,
                    DeadLetterReason::Undecodable => {
                        self.intake.dead_lettered += 1;
                        self.intake.undecodable += 1;
                    }
                    _ => self.intake.dead_lettered += 1,
                }
            }
            self.condemned.pop_front();
        }
        Ok(())
    }
}

impl Source for KafkaSource {
    type Settler = KafkaSettler;

    fn settler(&self) -> KafkaSettler {
        KafkaSettler {
            shared: Arc::clone(&self.shared),
            group: Arc::clone(&self.group),
        }
    }

    async fn recv(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        if max == 0 {
            return Ok(Intake::default());
        }
        let mut closing = self.shared.closed.subscribe();
        let received = tokio::select! {
            biased;
            received = self.receive(buf, max) => received,
            _ = closing.wait_for(|closed| *closed) => Err(closed()),
        };
        received.map_err(|e| e.operation("receive"))
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        if let Some((received, _)) = self.taken.take() {
            let tokens: Vec<Token> = received.iter().map(|r| r.token).collect();
            self.group.inbox().untake(&tokens);
        }
        let mut inbox = self.group.inbox();
        for (token, ..) in &self.condemned {
            inbox.release(*token);
        }
        drop(inbox);
        self.group.ready.notify_waiters();
    }
}

/// The group reads in another way than it is asked to.
pub(crate) fn other_kind(found: Kind) -> Error {
    let (text, remedy) = match found {
        Kind::Leased(_) => (
            "the group exists with another ordering",
            "subscribe with the group's own ordering, or delete the group",
        ),
        Kind::Transactional => (
            "the group is read by transactions",
            "subscribe under another group name, or delete the group",
        ),
    };
    Error::new(ErrorKind::Conflict, text).remedy(remedy)
}
