//! Everything that is exposed, as it is now.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glmsg_broker::{HandlingObserver, HandlingRecorder, HealthStatus, Lag};
use glmsg_core::{GroupName, Result, TopicName};

use crate::Options;
use crate::bounded::Bounded;
use crate::series::{Count, GroupSeries, TopicSeries};

/// The label value of what is beyond the bound.
pub(crate) const OTHER: &str = "other";

/// A group of a topic.
pub(crate) type GroupKey = (TopicName, GroupName);

/// How far groups are behind.
pub(crate) type LagTable = BTreeMap<GroupKey, Lag>;

/// Everything that is exposed, as it is now.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) options: Options,
    other: GroupKey,
    pub(crate) topics: Bounded<TopicName, TopicSeries>,
    pub(crate) groups: Bounded<GroupKey, GroupSeries>,
    pub(crate) breakers: Bounded<String, AtomicU64>,
    pub(crate) scalers: Bounded<GroupKey, Workers>,
    pub(crate) lag_poll_errors: Count,
    /// Of one group each.
    pub(crate) lag_errors: Bounded<GroupKey, Count>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By the number of who watches.
    lag: BTreeMap<u64, LagTable>,
    watchers: u64,
    connected: Option<bool>,
    health: Option<HealthStatus>,
}

/// What a scaler has set, and what it would like.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    pub(crate) set: AtomicU64,
    pub(crate) wanted: AtomicU64,
}

impl Store {
    pub(crate) fn new(options: Options) -> Result<Self> {
        let other = (TopicName::new(OTHER)?, GroupName::new(OTHER)?);
        let bound = options.max_series;
        Ok(Self {
            topics: Bounded::new(bound, other.0.clone()),
            groups: Bounded::new(bound, other.clone()),
            breakers: Bounded::new(bound, OTHER.to_owned()),
            scalers: Bounded::new(bound, other.clone()),
            lag_poll_errors: Count::default(),
            lag_errors: Bounded::new(bound, other.clone()),
            state: Mutex::default(),
            options,
            other,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of one who watches groups.
    pub(crate) fn new_watcher(&self) -> u64 {
        let mut state = self.state();
        state.watchers += 1;
        let watcher = state.watchers;
        state.lag.insert(watcher, LagTable::new());
        watcher
    }

    /// What a watcher has seen, in place of what it had seen before. One that was forgotten
    /// meanwhile, in the middle of a look, does not come back.
    pub(crate) fn set_lag(&self, watcher: u64, table: LagTable) {
        if let Some(seen) = self.state().lag.get_mut(&watcher) {
            *seen = table;
        }
    }

    pub(crate) fn forget_watcher(&self, watcher: u64) {
        self.state().lag.remove(&watcher);
    }

    /// How far all watched groups are behind. Beyond the bound, the last by name are one.
    pub(crate) fn lag(&self) -> LagTable {
        let state = self.state();
        let all = state.lag.values().flatten();
        let all: LagTable = all.map(|(group, lag)| (group.clone(), *lag)).collect();
        drop(state);
        let bound = self.options.max_series;
        if all.len() <= bound {
            return all;
        }
        let mut table = LagTable::new();
        for (at, (group, lag)) in all.into_iter().enumerate() {
            let group = match at + 1 < bound {
                true => group,
                false => self.other.clone(),
            };
            let sum: &mut Lag = table.entry(group).or_default();
            sum.undelivered += lag.undelivered;
            sum.in_flight += lag.in_flight;
            sum.delayed += lag.delayed;
            sum.dead_letters += lag.dead_letters;
            sum.oldest_age = sum.oldest_age.max(lag.oldest_age);
        }
        table
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        self.state().connected = Some(connected);
    }

    pub(crate) fn connected(&self) -> Option<bool> {
        self.state().connected
    }

    pub(crate) fn set_health(&self, status: HealthStatus) {
        self.state().health = Some(status);
    }

    pub(crate) fn health(&self) -> Option<HealthStatus> {
        self.state().health
    }

    pub(crate) fn set_workers(&self, group: &GroupKey, set: u64, wanted: u64) {
        let workers = self.scalers.get(group);
        workers.set.store(set, Relaxed);
        workers.wanted.store(wanted, Relaxed);
    }
}

impl HandlingObserver for Store {
    fn recorder(&self, topic: &TopicName, group: &GroupName) -> Arc<dyn HandlingRecorder> {
        self.groups.get(&(topic.clone(), group.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn groups_beyond_the_bound_are_added_up() {
        let store = Store::new(Options::default().max_series(2)).expect("valid");
        let (first, second) = (store.new_watcher(), store.new_watcher());
        let table = |names: &[&str]| -> LagTable {
            let each = names.iter().map(|name| {
                let group = GroupName::new(name).expect("valid");
                let lag = Lag {
                    undelivered: 5,
                    oldest_age: Some(Duration::from_secs(name.len() as u64)),
                    ..Lag::default()
                };
                ((TopicName::new("t").expect("valid"), group), lag)
            });
            each.collect()
        };
        store.set_lag(first, table(&["a", "bb"]));
        store.set_lag(second, table(&["ccc"]));
        let lag = store.lag();
        let shown: Vec<(&str, u64)> = lag.iter().map(|(k, v)| (k.1.as_str(), v.total())).collect();
        assert_eq!(shown, [("other", 10), ("a", 5)]);
        assert_eq!(lag[&store.other].oldest_age, Some(Duration::from_secs(3)));
        store.forget_watcher(first);
        assert_eq!(store.lag().len(), 1);
        store.set_lag(first, table(&["a"]));
        assert_eq!(store.lag().len(), 1, "a look that ends late shows nothing");
    }
}
