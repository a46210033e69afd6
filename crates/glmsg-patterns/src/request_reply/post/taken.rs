//! How far everything is sent, where later parts may be sent before earlier ones.

use std::collections::VecDeque;

/// What was taken to be sent, as it was taken: parts, each of which goes to several topics.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The number of the first part.
    first: u64,
    /// Of each part, how many letters had been taken up to its end, and to how many topics some of
    /// it are under way.
    parts: VecDeque<(u64, usize)>,
    letters: u64,
}

impl Taken {
    /// Returns the part's number.
    pub(super) fn take(&mut self, letters: u64, topics: usize) -> u64 {
        self.letters += letters;
        self.parts.push_back((self.letters, topics));
        self.first + self.parts.len() as u64 - 1
    }

    /// One topic of a part has its letters. Returns up to which letter all are sent, if that is
    /// further now.
    pub(super) fn is_sent(&mut self, part: u64) -> Option<u64> {
        let at = usize::try_from(part - self.first).ok()?;
        self.parts.get_mut(at)?.1 -= 1;
        let mut up_to = None;
        while let Some((end, 0)) = self.parts.front() {
            up_to = Some(*end);
            self.parts.pop_front();
            self.first += 1;
        }
        up_to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_counts_when_all_before_it_is() {
        let mut taken = Taken::default();
        let (one, two, three) = (taken.take(5, 2), taken.take(1, 1), taken.take(4, 1));
        assert_eq!(taken.is_sent(two), None);
        assert_eq!(taken.is_sent(one), None);
        assert_eq!(taken.is_sent(one), Some(6));
        let four = taken.take(1, 1);
        assert_eq!(taken.is_sent(four), None);
        assert_eq!(taken.is_sent(three), Some(11));
    }
}
