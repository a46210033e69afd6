//! Requests and replies, on every backend.

mod answering;
mod killed;
mod leaving;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use answering::*;
use glmsg_broker::{Broker, DeadLetterQuery};
use glmsg_core::{GroupName, TopicName};
use glmsg_patterns::request_reply::Requester;
pub(crate) use killed::*;
pub(crate) use leaving::*;

const PATIENCE: Duration = Duration::from_secs(60);
const TOPIC: &str = "sums";

async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    let seconds = PATIENCE.as_secs();
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {seconds} s in vain for {what}"),
    }
}

/// Asks again until it is so.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    within(what, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn requester(broker: &Arc<dyn Broker>) -> Requester {
    let builder = Requester::builder(broker.clone()).timeout(PATIENCE);
    builder.start().await.expect("an inbox is made")
}

async fn topics(broker: &Arc<dyn Broker>) -> Vec<String> {
    let topics = broker.topics().await.expect("a list");
    topics.iter().map(|t| t.name.to_string()).collect()
}

/// Nothing is there but the topic of the requests, and it is worked off; without it, nothing.
async fn assert_nothing_is_left(broker: &Arc<dyn Broker>) {
    assert_eq!(topics(broker).await, [TOPIC]);
    let topic = TopicName::new(TOPIC).expect("a valid name");
    let group = GroupName::new("responders").expect("a valid name");
    let lag = broker.lag(&topic, &group).await.expect("the lag");
    assert_eq!(lag.total(), 0, "{lag:?}");
    let query = DeadLetterQuery::new(topic.clone(), group);
    let dead = broker.dead_letters(&query).await.expect("a list").items;
    assert!(dead.is_empty(), "{dead:?}");
    broker.delete_topic(&topic).await.expect("it goes");
    assert_eq!(topics(broker).await, Vec::<String>::new());
}
