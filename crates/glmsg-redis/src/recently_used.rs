//! What is known of the topics that were used lately.

use std::collections::HashMap;
use std::sync::Arc;

use glmsg_core::TopicName;

use crate::known::Known;

/// How many topics are known at most.
const MOST: usize = 1024;
/// How many are forgotten at once when there are more: those that were not used for longest.
const FORGOTTEN: usize = MOST / 8;

/// What is known of the topics that were used lately.
#[derive(Debug, Default)]
pub(crate) struct RecentlyUsed {
    topics: HashMap<TopicName, (Arc<Known>, u64)>,
    /// Grows with every use.
    uses: u64,
}

impl RecentlyUsed {
    /// What is known of a topic; `make` makes it where nothing is.
    pub(crate) fn get(&mut self, topic: &TopicName, make: impl FnOnce() -> Known) -> Arc<Known> {
        self.uses += 1;
        if let Some((known, used)) = self.topics.get_mut(topic) {
            *used = self.uses;
            return Arc::clone(known);
        }
        if self.topics.len() >= MOST {
            self.forget_some();
        }
        let known = Arc::new(make());
        self.topics
            .insert(topic.clone(), (Arc::clone(&known), self.uses));
        known
    }

    fn forget_some(&mut self) {
        let mut uses: Vec<u64> = self.topics.values().map(|(_, used)| *used).collect();
        let (_, newest_forgotten, _) = uses.select_nth_unstable(FORGOTTEN - 1);
        let newest_forgotten = *newest_forgotten;
        self.topics.retain(|_, (_, used)| *used > newest_forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_not_forgotten() {
        let mut topics = RecentlyUsed::default();
        let name = |n: usize| TopicName::new(format!("t{n}")).unwrap();
        let mut get = |n: usize| {
            let name = name(n);
            topics.get(&name, || Known::new("ns", &name))
        };
        let first = get(0);
        let second = get(1);
        for n in 2..10 * MOST {
            get(n);
            assert!(Arc::ptr_eq(&first, &get(0)), "used all the time, after {n}");
        }
        assert!(!Arc::ptr_eq(&second, &get(1)), "not used for long");
        assert!(topics.topics.len() <= MOST);
    }
}
