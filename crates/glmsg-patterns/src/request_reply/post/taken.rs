//! How far everything is sent, where later letters may be sent before earlier ones.

use std::collections::VecDeque;

/// What was taken to be sent, in parts, as it was taken.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The number of the first part.
    first: u64,
    /// Of each part, how many letters had been taken up to its end, and how many of it are on their
    /// way.
    parts: VecDeque<(u64, usize)>,
    letters: u64,
}

impl Taken {
    /// Returns the part's number.
    pub(super) fn take(&mut self, letters: usize) -> u64 {
        self.letters += letters as u64;
        self.parts.push_back((self.letters, letters));
        self.first + self.parts.len() as u64 - 1
    }

    /// Letters of these parts, one of each, are done with. Returns up to which letter all are, if that
    /// is further now.
    pub(super) fn are_done(&mut self, parts: &[u64]) -> Option<u64> {
        for part in parts {
            let at = usize::try_from(part - self.first).ok()?;
            self.parts.get_mut(at)?.1 -= 1;
        }
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
        let (one, two, three) = (taken.take(3), taken.take(1), taken.take(2));
        assert_eq!(taken.are_done(&[two, one]), None);
        assert_eq!(taken.are_done(&[one, three, one]), Some(4));
        let four = taken.take(1);
        assert_eq!(taken.are_done(&[four]), None);
        assert_eq!(taken.are_done(&[three]), Some(7));
    }
}
