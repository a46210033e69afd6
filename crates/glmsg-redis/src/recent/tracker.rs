//! Which servers have been looked after, and how far what they acknowledged is safe.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::connection::Life;

/// How long what was acknowledged is remembered: a disk that is flushed every second is late by two at most.
const REMEMBERED: Duration = Duration::from_secs(5);
/// The shortest time between two marks, and the most of them: replicas that have not come back by then are given up.
const BETWEEN: Duration = Duration::from_millis(900);
const MOST_MARKS: usize = 300;

/// The servers of some slots, as they were when they were looked after.
#[derive(Debug)]
pub(super) struct Tracker {
    slots: BTreeMap<u16, Tracked>,
    /// The servers as they were before anything was acknowledged.
    beginning: Vec<Life>,
}

#[derive(Debug)]
struct Tracked {
    life: Life,
    /// What was gone when it was looked after last was stored again.
    repaired: bool,
    has_replicas: bool,
    /// When how much was written, as far as no replica has confirmed it.
    marks: VecDeque<(Instant, u64)>,
    /// What was acknowledged before is safe.
    safe: Option<Instant>,
}

impl Tracker {
    pub(super) fn new(beginning: Vec<Life>) -> Self {
        Self {
            slots: BTreeMap::new(),
            beginning,
        }
    }

    /// Whether a slot's server is another than the one that was looked after last.
    pub(super) fn is_new(&self, slot: u16, life: &Life) -> bool {
        match self.slots.get(&slot) {
            Some(known) => !known.life.is(life),
            None => !self.beginning.iter().any(|one| one.is(life)),
        }
    }

    /// Whether what was gone at the last look was stored again.
    pub(super) fn repaired(&self, slot: u16) -> bool {
        self.slots.get(&slot).is_none_or(|known| known.repaired)
    }

    /// A slot has been looked after.
    pub(super) fn looked(&mut self, slot: u16, life: &Life, repaired: bool) {
        match self.slots.get_mut(&slot) {
            Some(known) if known.life.is(life) => known.repaired = repaired,
            _ => {
                self.slots.insert(slot, Tracked::new(life, repaired));
            }
        }
    }

    /// A slot's server was alive at that time. Returns until when what it had acknowledged is safe by now.
    pub(super) fn alive(&mut self, slot: u16, at: Instant, life: &Life) -> Option<Instant> {
        if self.is_new(slot, life) {
            return None;
        }
        let tracked = self.slots.entry(slot);
        let tracked = tracked.or_insert_with(|| Tracked::new(life, true));
        tracked.alive(at, life)
    }
}

impl Tracked {
    fn new(life: &Life, repaired: bool) -> Self {
        Self {
            life: life.clone(),
            repaired,
            has_replicas: false,
            marks: VecDeque::new(),
            safe: None,
        }
    }

    fn alive(&mut self, at: Instant, life: &Life) -> Option<Instant> {
        self.has_replicas |= life.replicated.is_some();
        let old = at.checked_sub(REMEMBERED);
        let Some(written) = life.written.filter(|_| self.has_replicas) else {
            return old;
        };
        // A server that is cut off from its replicas goes on acknowledging, and none of it will stay.
        let confirmed = life.replicated.unwrap_or(0);
        let last = self.marks.back().map(|(last, _)| *last + BETWEEN);
        if last.is_none_or(|next| next <= at) {
            self.marks.push_back((at, written));
        }
        while let Some((at, written)) = self.marks.front().copied()
            && written <= confirmed
        {
            self.safe = Some(at);
            self.marks.pop_front();
        }
        if self.marks.len() > MOST_MARKS {
            self.has_replicas = false;
            self.marks.clear();
        }
        self.safe.zip(old).map(|(safe, old)| safe.min(old))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn life(written: u64, replicated: Option<u64>) -> Life {
        Life::of_test(written, replicated)
    }

    #[test]
    fn what_a_server_without_replicas_has_is_safe_after_a_while() {
        let (first, start) = (life(0, None), Instant::now());
        let mut tracker = Tracker::new(Vec::new());
        assert!(tracker.is_new(7, &first) && tracker.repaired(7));
        let later = start + 9 * SECOND;
        assert_eq!(tracker.alive(7, later, &first), None, "nobody looked");
        tracker.looked(7, &first, false);
        assert!(!tracker.is_new(7, &first) && !tracker.repaired(7));
        assert_eq!(tracker.alive(7, later, &first), Some(start + 4 * SECOND));
        let tracker = Tracker::new(vec![first.clone()]);
        assert!(
            !tracker.is_new(8, &first),
            "nothing was acknowledged before"
        );
    }

    #[test]
    fn what_no_replica_confirms_is_not_safe() {
        let start = Instant::now() + 9 * SECOND;
        let mut tracker = Tracker::new(vec![life(0, None)]);
        let mut alive = |second, written, replicated| {
            let at = start + second * SECOND;
            let safe = tracker.alive(7, at, &life(written, replicated));
            safe.map(|safe| (safe - (start - 9 * SECOND)).as_secs())
        };
        assert_eq!(alive(0, 10, Some(0)), None, "nothing is confirmed");
        let confirmed = alive(1, 20, Some(10));
        assert_eq!(confirmed, Some(5), "confirmed, and five seconds old");
        assert_eq!(alive(7, 30, Some(10)), Some(9), "no more was confirmed");
        assert_eq!(alive(60, 40, None), Some(9), "no replica is there");
        assert_eq!(alive(61, 50, Some(45)), Some(65), "one is back");
        for second in 62..370 {
            alive(second, 60, None);
        }
        assert_eq!(alive(370, 60, None), Some(374), "they are given up");
    }
}
