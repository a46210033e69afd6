//! Publish and subscribe: what is published to a topic that matches reaches every name once.

mod lifecycle;
mod live;
mod topics;

pub(crate) use lifecycle::*;
pub(crate) use live::*;
pub(crate) use topics::*;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg_broker::{Broker, Handler, Incoming};
use glmsg_core::Message;
use glmsg_faults::until;
use glmsg_patterns::pub_sub::{PubSub, SubscriptionBuilder};

/// A bound on defects, not a claim about speed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the cases look for new topics.
const OFTEN: Duration = Duration::from_millis(50);

/// What a handler saw: how often each payload came, by topic.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<(String, String), u32>>>);

impl Seen {
    fn handler(&self) -> impl Handler + use<> {
        let seen = self.clone();
        move |incoming: Incoming| {
            let payload = String::from_utf8_lossy(incoming.payload()).into_owned();
            let key = (incoming.topic().to_string(), payload);
            *seen.0.lock().unwrap().entry(key).or_default() += 1;
            async { Ok(()) }
        }
    }

    /// Everything, as `topic:payload`, in the order of names.
    fn all(&self) -> Vec<String> {
        let seen = self.0.lock().unwrap();
        seen.keys().map(|(t, p)| format!("{t}:{p}")).collect()
    }

    /// Waits until exactly these came.
    async fn is(&self, expected: &[&str]) {
        let what = format!("{expected:?}, of what came");
        until(&what, PATIENCE, || async {
            self.all().len() >= expected.len()
        })
        .await;
        assert_eq!(self.all(), expected);
    }
}

fn eager(bus: &PubSub, pattern: &str, name: &str) -> SubscriptionBuilder {
    bus.subscribe(pattern, name).look_every(OFTEN)
}

async fn publish(bus: &PubSub, topic: &str, payload: &str) {
    let message = Message::builder(topic).payload(payload.to_owned());
    bus.publish(message).await.expect("it is published");
}

/// Publishes past the pattern, as a program that knows nothing of it.
async fn publish_plainly(broker: &Arc<dyn Broker>, topic: &str, payloads: std::ops::Range<u32>) {
    let build = |n: u32| Message::new(topic, format!("{n:04}")).expect("a valid message");
    let messages: Vec<_> = payloads.map(build).collect();
    for outcome in broker.publish(&messages).await.expect("it is published") {
        outcome.into_result().expect("it is stored");
    }
}
