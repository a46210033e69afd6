//! Whose turn it is to be asked.

use std::collections::{BTreeMap, BTreeSet};

/// When each part was asked last, and whether it answered: who waits longest comes first, so that a look
/// which does not reach all of them leaves nobody out for ever.
#[derive(Debug)]
pub(super) struct Turns<K> {
    turns: BTreeMap<K, Turn>,
    asked: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    asked: u64,
    is_silent: bool,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self {
            turns: BTreeMap::new(),
            asked: 0,
        }
    }
}

impl<K: Clone + Ord> Turns<K> {
    /// Those that answered last time or are new, and those that were silent, each with who was asked
    /// longest ago first. Who is not among them is forgotten.
    pub(super) fn line_up(&mut self, parts: &BTreeSet<K>) -> (Vec<K>, Vec<K>) {
        self.turns.retain(|part, _| parts.contains(part));
        let of = |part: &K| self.turns.get(part).copied().unwrap_or_default();
        let (mut silent, mut others): (Vec<K>, Vec<K>) =
            parts.iter().cloned().partition(|part| of(part).is_silent);
        silent.sort_by_key(|part| of(part).asked);
        others.sort_by_key(|part| of(part).asked);
        (others, silent)
    }

    /// It was asked just now.
    pub(super) fn asked(&mut self, part: K, is_silent: bool) {
        self.asked += 1;
        let asked = self.asked;
        self.turns.insert(part, Turn { asked, is_silent });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_longest_comes_first_and_who_was_silent_by_itself() {
        let mut turns = Turns::default();
        let all = BTreeSet::from(["a", "b", "c", "d"]);
        assert_eq!(turns.line_up(&all), (vec!["a", "b", "c", "d"], vec![]));
        for (part, is_silent) in [("b", true), ("a", false), ("c", true)] {
            turns.asked(part, is_silent);
        }
        assert_eq!(turns.line_up(&all), (vec!["d", "a"], vec!["b", "c"]));
        turns.asked("b", true);
        assert_eq!(turns.line_up(&all).1, ["c", "b"]);
        turns.asked("b", false);
        assert_eq!(turns.line_up(&all).1, ["c"]);
        turns.line_up(&BTreeSet::new());
        assert_eq!(turns.line_up(&all).1, [""; 0], "it was forgotten");
    }
}
