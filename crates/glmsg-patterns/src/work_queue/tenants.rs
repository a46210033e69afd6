//! Which topic a tenant's tasks are in.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use glmsg_broker::Broker;
use glmsg_core::{MAX_SEGMENT, Result, TopicName};
use sha2::{Digest, Sha256};

/// How many topics those share who have none of their own.
const SHARED: u8 = 16;
/// How long a list is believed that says there is no more room.
const BELIEVED: Duration = Duration::from_secs(10);
/// How many tenants a process remembers.
const REMEMBERED: usize = 10_000;

/// The topics of a queue. A segment behind the queue's name says what a topic is: `t-` and a
/// tenant's name, `h-` and the hash of a name that is no segment, `s-` and the number of a topic
/// that is shared.
#[derive(Debug)]
pub(super) struct Tenants {
    queue: TopicName,
    max: usize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    topics: HashMap<String, TopicName>,
    /// Tenants' own topics at the last look.
    own: HashSet<TopicName>,
    looked_at: Option<Instant>,
}

impl Tenants {
    pub(super) fn new(queue: TopicName, max: usize) -> Self {
        Self {
            queue,
            max,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The segment behind the queue's name, of a topic that is one of a tenant's or shared.
    fn segment<'a>(&self, topic: &'a TopicName) -> Option<&'a str> {
        let rest = topic.as_str().strip_prefix(self.queue.as_str())?;
        let segment = rest.strip_prefix('.')?;
        let is_ours = !segment.contains('.')
            && ["t-", "h-", "s-"]
                .iter()
                .any(|kind| segment.starts_with(kind));
        is_ours.then_some(segment)
    }

    /// Whether a topic is one of the queue's.
    pub(super) fn owns(&self, topic: &TopicName) -> bool {
        *topic == self.queue || self.segment(topic).is_some()
    }

    /// The topic that is a tenant's alone.
    pub(super) fn own_topic(&self, tenant: &str) -> Result<TopicName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let is_segment =
            !tenant.is_empty() && tenant.len() <= MAX_SEGMENT - 2 && tenant.chars().all(allowed);
        let queue = &self.queue;
        if is_segment {
            return TopicName::new(format!("{queue}.t-{tenant}"));
        }
        let hash = Sha256::digest(tenant);
        let hex: String = hash[..16].iter().map(|b| format!("{b:02x}")).collect();
        TopicName::new(format!("{queue}.h-{hex}"))
    }

    fn shared_topic(&self, tenant: &str) -> Result<TopicName> {
        let number = Sha256::digest(tenant)[0] % SHARED;
        TopicName::new(format!("{}.s-{number}", self.queue))
    }

    /// Where a tenant's tasks go. It looks at the list of topics once for each tenant.
    pub(super) async fn topic(
        &self,
        broker: &Arc<dyn Broker>,
        tenant: Option<&str>,
    ) -> Result<TopicName> {
        let Some(tenant) = tenant else {
            return Ok(self.queue.clone());
        };
        let own = self.own_topic(tenant)?;
        let has_room = {
            let known = self.known();
            if let Some(topic) = known.topics.get(tenant) {
                return Ok(topic.clone());
            }
            let is_fresh = known.looked_at.is_some_and(|at| at.elapsed() < BELIEVED);
            let is_full = known.own.len() >= self.max;
            (is_fresh && is_full).then(|| known.own.contains(&own))
        };
        let has_room = match has_room {
            Some(has_room) => has_room,
            None => {
                let topics = broker.topic_names().await?.into_iter();
                let is_own = |t: &TopicName| self.segment(t).is_some_and(|s| !s.starts_with("s-"));
                let listed: HashSet<_> = topics.filter(is_own).collect();
                let mut known = self.known();
                known.own = listed;
                known.looked_at = Some(Instant::now());
                known.own.contains(&own) || known.own.len() < self.max
            }
        };
        let topic = match has_room {
            true => own,
            false => self.shared_topic(tenant)?,
        };
        let mut known = self.known();
        if known.topics.len() >= REMEMBERED {
            known.topics.clear();
        }
        known.topics.insert(tenant.to_owned(), topic.clone());
        Ok(topic)
    }

    /// A tenant is to be looked up anew.
    pub(super) fn forget(&self, tenant: &str) {
        let mut known = self.known();
        known.topics.remove(tenant);
        known.looked_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenants() -> Tenants {
        Tenants::new(TopicName::new("reports").expect("a valid name"), 64)
    }

    #[test]
    fn every_name_of_a_tenant_has_a_topic() {
        let tenants = tenants();
        let topic = |tenant: &str| tenants.own_topic(tenant).expect("a topic").to_string();
        assert_eq!(topic("acme"), "reports.t-acme");
        let long = "x".repeat(10_000);
        for odd in ["", "a.b", "Ångström", "a b", &long] {
            let topic = tenants.own_topic(odd).expect("a topic");
            assert!(topic.as_str().starts_with("reports.h-"), "{topic}");
            assert!(tenants.owns(&topic));
        }
        assert_ne!(topic("a.b"), topic("a b"));
    }

    #[test]
    fn what_is_not_the_queues_is_left_alone() {
        let tenants = tenants();
        let owns = |name: &str| tenants.owns(&TopicName::new(name).expect("a valid name"));
        assert!(owns("reports") && owns("reports.t-acme") && owns("reports.s-3"));
        for other in ["reports2", "reports.acme", "reports.t-a.b", "other.t-acme"] {
            assert!(!owns(other), "{other}");
        }
    }
}
