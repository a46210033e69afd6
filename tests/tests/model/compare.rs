//! Everything that can be observed without changing it, on two brokers.

use std::sync::Arc;

use glmsg_broker::{Broker, DeadLetterQuery, GroupInfo, Lag, ReplayQuery, StartFrom};
use glmsg_core::{DeadLetter, MessageId};

use crate::clocked::Clocked;
use crate::pair::{Outcome, same};
use crate::side::{group, topic};

/// Compares lag, dead letters, topics, groups and the stored messages.
pub(crate) async fn everything<F: Clocked>(
    model: &Arc<dyn Broker>,
    backend: &Arc<dyn Broker>,
) -> Outcome {
    for n in 0..3 {
        let (topic, group) = (topic(), group(n));
        let lags = (
            model.lag(&topic, &group).await,
            backend.lag(&topic, &group).await,
        );
        let lags = (lags.0.ok(), lags.1.ok());
        let lags = match F::TELLS_BLOCKED || n != 1 {
            true => lags,
            false => (lags.0.map(together), lags.1.map(together)),
        };
        same(&format!("lag of {group}"), &lags.0, &lags.1)?;
        let mut letters = (dead(model, n).await, dead(backend, n).await);
        if !F::ORDERS_LETTERS {
            letters.0.sort_by_key(|letter| (letter.dead_at, letter.id));
            letters.1.sort_by_key(|letter| (letter.dead_at, letter.id));
        }
        same(&format!("dead letters of {group}"), &letters.0, &letters.1)?;
    }
    let topics = (model.topics().await.ok(), backend.topics().await.ok());
    same("topics", &topics.0, &topics.1)?;
    same("groups", &groups(model).await, &groups(backend).await)?;
    same("replay", &stored(model).await, &stored(backend).await)?;
    Ok(())
}

/// What can be delivered, and what has to wait, counted as one.
fn together(mut lag: Lag) -> Lag {
    lag.undelivered += std::mem::take(&mut lag.delayed);
    lag
}

/// The groups, without their members: how soon a silent member counts as gone is a backend's own.
async fn groups(broker: &Arc<dyn Broker>) -> Vec<GroupInfo> {
    let mut groups = broker.groups(&topic()).await.expect("an existing topic");
    groups.iter_mut().for_each(|group| group.members = 0);
    groups
}

/// The ids of a group's dead letters.
pub(crate) async fn dead_ids(broker: &Arc<dyn Broker>, n: usize) -> Vec<MessageId> {
    dead(broker, n).await.into_iter().map(|d| d.id).collect()
}

async fn dead(broker: &Arc<dyn Broker>, n: usize) -> Vec<DeadLetter> {
    let query = DeadLetterQuery::new(topic(), group(n)).limit(10_000);
    let page = broker.dead_letters(&query).await;
    page.expect("an existing group's dead letters").items
}

/// Payloads and times, in stored order; positions are each backend's own.
async fn stored(broker: &Arc<dyn Broker>) -> Vec<(Vec<u8>, i64)> {
    let query = ReplayQuery::new(topic(), StartFrom::Earliest).limit(10_000);
    let page = broker.replay(&query).await.expect("an existing topic");
    let one = |s: &glmsg_broker::Stored| {
        let message = s.message.as_ref().expect("a whole message");
        (message.payload().to_vec(), s.stored_at.as_micros())
    };
    page.iter().map(one).collect()
}
