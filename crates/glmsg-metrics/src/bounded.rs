//! Series by their labels, of which there are never more than a bound.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

/// Series by their labels. What comes when the bound is reached shares one series, the `other`.
pub(crate) struct Bounded<K, V> {
    series: RwLock<HashMap<K, Arc<V>>>,
    other: K,
    bound: usize,
}

impl<K: Clone + Eq + Hash + Ord, V: Default> Bounded<K, V> {
    /// At most `bound` series, `other` among them.
    pub(crate) fn new(bound: usize, other: K) -> Self {
        Self {
            series: RwLock::default(),
            other,
            bound: bound.max(1),
        }
    }

    /// The series of `key`, made if there is room, or the one for all others.
    pub(crate) fn get(&self, key: &K) -> Arc<V> {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = series.get(key) {
            return found.clone();
        }
        drop(series);
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        // Without the place that is kept for the others.
        let own = series.len() - usize::from(series.contains_key(&self.other));
        let key = match own + 1 < self.bound || series.contains_key(key) {
            true => key,
            false => &self.other,
        };
        series.entry(key.clone()).or_default().clone()
    }

    /// All series, by their labels.
    pub(crate) fn all(&self) -> Vec<(K, Arc<V>)> {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let each = series.iter();
        let mut all: Vec<_> = each.map(|(k, v)| (k.clone(), v.clone())).collect();
        drop(series);
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

impl<K, V> fmt::Debug for Bounded<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = self.bound;
        f.debug_struct("Bounded")
            .field("bound", &bound)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;

    #[test]
    fn beyond_the_bound_all_share_one_series() {
        let bounded: Bounded<String, AtomicU64> = Bounded::new(3, "other".to_owned());
        for name in ["a", "b", "c", "d", "a", "other"] {
            bounded.get(&name.to_owned()).fetch_add(1, Relaxed);
        }
        let all = bounded.all();
        let all: Vec<(&str, u64)> = all
            .iter()
            .map(|(k, v)| (k.as_str(), v.load(Relaxed)))
            .collect();
        assert_eq!(all, [("a", 2), ("b", 1), ("other", 3)]);
    }
}
