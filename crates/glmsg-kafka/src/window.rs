//! The messages of a partition that are here and not all done: which offset may be committed, and
//! what is to be told of those behind it.

use std::collections::{BTreeMap, VecDeque};

use crate::entry::Entry;
use crate::marks::{self, Mark};

/// What became of a message that is here.
#[derive(Debug)]
pub(crate) enum State {
    /// It may be delivered.
    Ready(Box<Entry>),
    /// It waits for its time, or for its key's turn.
    Waiting(Box<Entry>),
    /// It is delivered, or being moved elsewhere, and not settled. The number is the delivery's.
    Out(Box<Entry>, u64),
    Done,
}

#[derive(Debug)]
struct Slot {
    offset: i64,
    state: State,
}

/// The messages of one partition from the first that is not done on, in the order of their
/// offsets. Offsets may have gaps.
#[derive(Debug, Default)]
pub(crate) struct Window {
    slots: VecDeque<Slot>,
    /// What to commit: the next offset, where nothing is left.
    low: i64,
    /// The offset behind the last that came.
    next: i64,
    /// What was told of messages that have not come yet.
    told: BTreeMap<i64, Mark>,
    /// What is committed is known, or a message has come.
    is_known: bool,
    /// Whoever had it before gave it back in order, having handed out no more than was told.
    is_sealed: bool,
}

impl Window {
    /// Begins behind what was committed, with what was told beside it.
    pub(crate) fn new(low: i64, metadata: &str) -> Self {
        Self {
            slots: VecDeque::new(),
            low,
            next: low,
            told: marks::read(low, metadata),
            is_known: true,
            is_sealed: marks::is_sealed(metadata),
        }
    }

    /// Begins where nobody knows what is committed. Until a message comes there is nothing to commit:
    /// it would take back what others have done.
    pub(crate) fn unknown() -> Self {
        Self::default()
    }

    /// Whether there is an offset that may be committed.
    pub(crate) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether it came here as it was given back.
    pub(crate) fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    pub(crate) fn low(&self) -> i64 {
        self.low
    }

    /// The offset behind the last message that came.
    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    /// Behind the last message that was told of as delivered, and has not come yet.
    pub(crate) fn told_until(&self) -> i64 {
        let mut told = self.told.iter().rev();
        let last = told.find(|(_, mark)| match mark {
            Mark::Delivered(times) | Mark::Waiting(times) => *times > 0,
            Mark::Done => false,
        });
        last.map_or(self.low, |(offset, _)| offset + 1)
    }

    /// How far the messages that are here span.
    pub(crate) fn span(&self) -> i64 {
        self.next - self.low
    }

    /// What was told of a message that has come. `None` if it has come before.
    pub(crate) fn meet(&mut self, offset: i64) -> Option<Mark> {
        if offset < self.next {
            return None;
        }
        self.next = offset + 1;
        self.is_known = true;
        let mark = self.told.remove(&offset);
        // Offsets without a message were not told of, or are gone.
        if self
            .told
            .first_key_value()
            .is_some_and(|(at, _)| *at < offset)
        {
            self.told = self.told.split_off(&offset);
        }
        Some(mark.unwrap_or(Mark::Delivered(0)))
    }

    /// Adds a message that has come.
    pub(crate) fn push(&mut self, offset: i64, state: State) {
        self.slots.push_back(Slot { offset, state });
        self.advance();
    }

    pub(crate) fn get(&mut self, offset: i64) -> Option<&mut State> {
        let at = self.find(offset)?;
        Some(&mut self.slots[at].state)
    }

    /// Whether a message of this offset has come, or will not.
    pub(crate) fn has_met(&self, offset: i64) -> bool {
        offset < self.next
    }

    pub(crate) fn look(&self, offset: i64) -> Option<&State> {
        self.find(offset).map(|at| &self.slots[at].state)
    }

    fn find(&self, offset: i64) -> Option<usize> {
        let first = self.slots.front()?.offset;
        let guess = usize::try_from(offset.checked_sub(first)?).ok()?;
        if self
            .slots
            .get(guess)
            .is_some_and(|slot| slot.offset == offset)
        {
            return Some(guess);
        }
        self.slots
            .binary_search_by_key(&offset, |slot| slot.offset)
            .ok()
    }

    /// It is done with. Returns what was there.
    pub(crate) fn finish(&mut self, offset: i64) -> Option<State> {
        let at = self.find(offset)?;
        let before = std::mem::replace(&mut self.slots[at].state, State::Done);
        self.advance();
        Some(before)
    }

    fn advance(&mut self) {
        while matches!(
            self.slots.front(),
            Some(Slot {
                state: State::Done,
                ..
            })
        ) {
            self.slots.pop_front();
        }
        self.low = self.slots.front().map_or(self.next, |slot| slot.offset);
    }

    /// What to tell beside the offset; sealed, if it is given back and nothing else was handed out.
    pub(crate) fn metadata(&self, seal: bool) -> String {
        let mut at = self.low;
        let here = self.slots.iter().flat_map(move |slot| {
            let gap = usize::try_from(slot.offset - at).unwrap_or(0);
            at = slot.offset + 1;
            let mark = match &slot.state {
                State::Done => Mark::Done,
                State::Ready(entry) if entry.is_back => Mark::Waiting(entry.told()),
                State::Ready(entry) | State::Out(entry, _) => Mark::Delivered(entry.told()),
                State::Waiting(entry) => Mark::Waiting(entry.told()),
            };
            // There is no message at such an offset, so it does not matter what is told.
            std::iter::repeat_n(mark, gap + 1)
        });
        let mut at = self.next;
        let told = self.told.iter().flat_map(move |(offset, mark)| {
            let gap = usize::try_from(offset - at).unwrap_or(0);
            at = offset + 1;
            std::iter::repeat_n(Mark::Delivered(0), gap).chain([*mark])
        });
        marks::write(here.chain(told), seal)
    }

    /// Takes all messages that are not done.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (i64, State)> + '_ {
        self.slots.drain(..).map(|slot| (slot.offset, slot.state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attempts: u32) -> Box<Entry> {
        Box::new(Entry {
            attempts,
            ..Entry::of_bytes(bytes::Bytes::new(), "none".into())
        })
    }

    fn come(window: &mut Window, offset: i64) -> Option<Mark> {
        let mark = window.meet(offset)?;
        let state = match mark {
            Mark::Done => State::Done,
            Mark::Delivered(times) | Mark::Waiting(times) => State::Ready(entry(times)),
        };
        window.push(offset, state);
        Some(mark)
    }

    #[test]
    fn the_offset_stays_before_the_first_that_is_not_done() {
        let mut window = Window::new(10, "");
        for offset in [10, 11, 14, 15] {
            assert_eq!(come(&mut window, offset), Some(Mark::Delivered(0)));
        }
        assert_eq!(come(&mut window, 15), None, "it has come before");
        window.finish(14);
        assert_eq!(window.low(), 10);
        window.finish(10);
        assert_eq!(window.low(), 11);
        window.finish(11);
        assert_eq!(window.low(), 15, "nothing stands at 12 and 13");
        window.finish(15);
        assert_eq!(window.low(), 16);
        assert!(window.finish(15).is_none());
    }

    #[test]
    fn what_is_not_known_is_not_committed() {
        let mut window = Window::unknown();
        assert!(!window.is_known());
        come(&mut window, 700);
        assert!(window.is_known());
        assert_eq!(window.low(), 700);
        assert!(Window::new(0, "").is_known());
    }

    #[test]
    fn what_is_told_is_known_to_who_goes_on() {
        let mut window = Window::new(0, "");
        for offset in 0..6 {
            come(&mut window, offset);
        }
        window.finish(1);
        window.finish(4);
        if let Some(State::Ready(entry)) = window.get(2) {
            entry.attempts = 2;
        }
        let (low, told) = (window.low(), window.metadata(false));
        let mut heir = Window::new(low, &told);
        // It tells all of it on before anything has come.
        assert_eq!(heir.metadata(false), told);
        assert_eq!(come(&mut heir, 0), Some(Mark::Delivered(0)));
        assert_eq!(heir.metadata(false), told);
        assert_eq!(come(&mut heir, 1), Some(Mark::Done));
        assert_eq!(come(&mut heir, 2), Some(Mark::Delivered(2)));
        assert_eq!(come(&mut heir, 3), Some(Mark::Delivered(0)));
        assert_eq!(come(&mut heir, 5), Some(Mark::Delivered(0)), "4 is gone");
        heir.finish(0);
        assert_eq!(heir.low(), 2);
    }
}
