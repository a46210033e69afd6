//! Deliveries by number: the latest side by side, and apart from them the few that stay out for long.

use std::collections::{HashMap, VecDeque};

use super::Held;

/// Beyond so many numbers it is seen to that what is settled takes no room.
const MANY: usize = 1024;

/// Deliveries by number, of which each is given once.
#[derive(Debug)]
pub(super) struct Numbered {
    /// The number of the first of the latest.
    first: u64,
    latest: VecDeque<Option<Held>>,
    /// How many of the latest are out.
    out: usize,
    /// Those before. One that is never settled must not hold up the room of all behind it.
    old: HashMap<u64, Held>,
}

impl Numbered {
    /// Numbers begin at `first`.
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            latest: VecDeque::new(),
            out: 0,
            old: HashMap::new(),
        }
    }

    /// The number of the next.
    pub(super) fn next(&self) -> u64 {
        self.first + self.latest.len() as u64
    }

    /// Adds one. Returns its number.
    pub(super) fn add(&mut self, held: Held) -> u64 {
        let number = self.next();
        self.latest.push_back(Some(held));
        self.out += 1;
        number
    }

    fn at(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }

    pub(super) fn get(&mut self, number: u64) -> Option<&mut Held> {
        match self.at(number) {
            Some(at) => self.latest.get_mut(at)?.as_mut(),
            None => self.old.get_mut(&number),
        }
    }

    /// Takes one out.
    pub(super) fn take(&mut self, number: u64) -> Option<Held> {
        let Some(at) = self.at(number) else {
            return self.old.remove(&number);
        };
        let held = self.latest.get_mut(at)?.take()?;
        self.out -= 1;
        while let Some(None) = self.latest.front() {
            self.pop();
        }
        if self.latest.len() > MANY && self.latest.len() > 4 * self.out {
            self.part_with_old();
        }
        Some(held)
    }

    fn pop(&mut self) {
        if let Some(Some(held)) = self.latest.pop_front() {
            self.old.insert(self.first, held);
            self.out -= 1;
        }
        self.first += 1;
    }

    /// Puts the first apart until half of the latest are out: each number is looked at once.
    fn part_with_old(&mut self) {
        while self.latest.len() > 2 * self.out && !self.latest.is_empty() {
            self.pop();
        }
    }

    /// How many are out.
    pub(super) fn count(&self) -> usize {
        self.out + self.old.len()
    }

    /// Forgets what somebody wants to be rid of.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Held) -> bool) {
        self.old.retain(|_, held| keep(held));
        for slot in &mut self.latest {
            if slot.take_if(|held| !keep(held)).is_some() {
                self.out -= 1;
            }
        }
        self.part_with_old();
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Held> {
        self.latest.iter().flatten().chain(self.old.values())
    }

    /// Those from a number on, of the latest.
    pub(super) fn latest_from(&self, number: u64) -> impl Iterator<Item = (u64, &Held)> {
        let at = self.at(number).unwrap_or(0);
        let numbered = (self.first..).zip(&self.latest).skip(at);
        numbered.filter_map(|(number, held)| Some((number, held.as_ref()?)))
    }

    /// How many numbers take room.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.latest.len() + self.old.len()
    }
}
