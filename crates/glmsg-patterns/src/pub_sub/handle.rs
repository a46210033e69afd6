//! Holding a running subscription.

use std::sync::Arc;

use glmsg_core::{GroupName, Result, TopicName, TopicPattern};

use super::builder::check_concurrency;
use crate::fleet::Fleet;
use crate::gate::Gate;

/// A running durable subscription. Dropping it begins the drain, in the background; what is
/// published afterwards waits for the next start under its name.
#[must_use = "dropping the handle stops the subscription"]
#[derive(Debug)]
pub struct SubscriptionHandle {
    pattern: TopicPattern,
    name: GroupName,
    gate: Arc<Gate>,
    fleet: Fleet,
}

/// What a subscription has done since it was started, over all its topics, also those that are gone.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubscriptionStats {
    /// Topics it is subscribed to now.
    pub topics: usize,
    /// Deliveries received.
    pub received: u64,
    /// Those of them that were not the message's first.
    pub redelivered: u64,
    /// Handled and acked.
    pub handled: u64,
    /// Failed attempts: errors, panics and time-outs.
    pub failed: u64,
    /// Failed attempts that come again.
    pub retried: u64,
    /// Messages that became dead letters here.
    pub dead_lettered: u64,
    /// Being handled now, or waiting for their topic's turn.
    pub in_flight: u64,
    /// Waiting in this process now.
    pub buffered: u64,
}

impl SubscriptionHandle {
    pub(super) fn new(
        pattern: TopicPattern,
        name: GroupName,
        gate: Arc<Gate>,
        fleet: Fleet,
    ) -> Self {
        Self {
            pattern,
            name,
            gate,
            fleet,
        }
    }

    /// What it is subscribed to.
    pub fn pattern(&self) -> &TopicPattern {
        &self.pattern
    }

    /// Its name, which is that of its group on each topic.
    pub fn name(&self) -> &GroupName {
        &self.name
    }

    /// Changes how many messages are handled at a time. Fewer takes effect as handlers finish.
    ///
    /// # Errors
    /// `InvalidArgument` unless it is 1 to 10 000.
    pub fn set_concurrency(&self, handlers: usize) -> Result<()> {
        check_concurrency(handlers)?;
        self.gate.set_permits(handlers);
        self.fleet.set_workers(|_| handlers)
    }

    /// The topics it is subscribed to now, by name.
    pub fn topics(&self) -> Vec<TopicName> {
        self.fleet.topics()
    }

    /// What it has done and is doing.
    pub fn stats(&self) -> SubscriptionStats {
        let tally = self.fleet.tally();
        SubscriptionStats {
            topics: self.fleet.topics().len(),
            received: tally.received,
            redelivered: tally.redelivered,
            handled: tally.handled,
            failed: tally.failed,
            retried: tally.retried,
            dead_lettered: tally.dead_lettered,
            in_flight: tally.in_flight,
            buffered: tally.buffered,
        }
    }

    /// `false` once it has ended.
    pub fn is_running(&self) -> bool {
        self.fleet.is_running()
    }

    /// Drains: nothing new is begun, running handlers finish within the drain time-out, the rest
    /// goes back at once and uncounted. Under a second where no handler runs.
    ///
    /// # Errors
    /// What ended it before, or what kept it from settling.
    pub async fn shutdown(mut self) -> Result<SubscriptionStats> {
        self.fleet.shutdown().await?;
        Ok(self.stats())
    }

    /// Waits until it has ended. What ended it is told once.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    ///
    /// # Errors
    /// `Closed` after the broker was closed; what kept it from settling.
    pub async fn ended(&mut self) -> Result<SubscriptionStats> {
        self.fleet.ended().await?;
        Ok(self.stats())
    }
}
