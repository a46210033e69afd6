//! Which message of a key has its turn.

use std::collections::{HashMap, VecDeque};

use super::Spot;

/// The messages of one key and lane that are here, the one that has its turn first.
type Queue = VecDeque<Spot>;

#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<(usize, Box<str>), Queue>);

impl Keys {
    /// Whether it has its turn; if not, it waits in line.
    pub(super) fn takes(&mut self, lane: usize, key: &str, spot: Spot) -> bool {
        let queue = self.0.entry((lane, key.into())).or_default();
        if !queue.contains(&spot) {
            queue.push_back(spot);
        }
        queue.front() == Some(&spot)
    }

    /// The one that has its turn.
    pub(super) fn head(&self, lane: usize, key: &str) -> Option<Spot> {
        self.0.get(&(lane, Box::from(key)))?.front().copied()
    }

    /// It goes before all others, but for one that is out. Whether it has its turn.
    pub(super) fn takes_first(
        &mut self,
        lane: usize,
        key: &str,
        spot: Spot,
        is_out: impl Fn(Spot) -> bool,
    ) -> bool {
        let queue = self.0.entry((lane, key.into())).or_default();
        queue.retain(|other| *other != spot);
        let at = usize::from(queue.front().is_some_and(|head| is_out(*head)));
        queue.insert(at, spot);
        at == 0
    }

    /// It is done with. Returns the one whose turn it is now.
    pub(super) fn leave(&mut self, lane: usize, key: &str, spot: Spot) -> Option<Spot> {
        let id = (lane, Box::from(key));
        let queue = self.0.get_mut(&id)?;
        let had_turn = queue.front() == Some(&spot);
        queue.retain(|other| *other != spot);
        if queue.is_empty() {
            self.0.remove(&id);
            return None;
        }
        queue.front().copied().filter(|_| had_turn)
    }

    /// The partition is somebody else's.
    pub(super) fn remove_all_of(&mut self, part: u64) {
        self.0.retain(|_, queue| {
            queue.retain(|spot| spot.0 != part);
            !queue.is_empty()
        });
    }
}
