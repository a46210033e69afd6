//! The letters that wait, by topic.

use std::collections::{HashMap, VecDeque};

use glmsg_core::TopicName;
use tokio::time::Instant;

use super::busy::Counted;
use super::{GATHERING, Letter};

/// At least so many go together, if they are there: those at the other end begin with the first of
/// them while the next are made.
const TOGETHER: usize = 32;
/// The most that go together.
const MOST: usize = 512;
/// How many calls write to one topic at a time; what comes meanwhile gathers. The second waits until
/// there are half as many as went the last time, or for a while.
const AT_ONCE: usize = 2;
/// How many topics are written to at a time.
const TOPICS: usize = 64;

/// A letter that waits, and the part of the line that it came in.
pub(super) struct Waiting<L> {
    pub(super) letter: L,
    pub(super) part: u64,
    pub(super) counted: Counted,
}

struct Line<L> {
    waiting: VecDeque<Waiting<L>>,
    under_way: usize,
    /// It is among those that may be written to.
    is_queued: bool,
}

impl<L> Line<L> {
    /// Whether it waits for nothing but others of its topic.
    fn may_go(&self) -> bool {
        !self.is_queued && !self.waiting.is_empty() && self.under_way < AT_ONCE
    }
}

impl<L> Default for Line<L> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            under_way: 0,
            is_queued: false,
        }
    }
}

/// The letters that wait for each topic.
pub(super) struct Lines<L> {
    lines: HashMap<TopicName, Line<L>>,
    /// Topics that may be written to, the longest waiting first.
    queue: VecDeque<TopicName>,
    waiting: usize,
    under_way: usize,
    /// How many went together the last time.
    last: usize,
    /// Since when some wait for others, while a call is under way.
    held: Option<Instant>,
}

impl<L> Default for Lines<L> {
    fn default() -> Self {
        Self {
            lines: HashMap::new(),
            queue: VecDeque::new(),
            waiting: 0,
            under_way: 0,
            last: 0,
            held: None,
        }
    }
}

impl<L: Letter> Lines<L> {
    /// How many letters wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn add(&mut self, waiting: Waiting<L>) {
        let topic = waiting.letter.message().topic().clone();
        let line = self.lines.entry(topic.clone()).or_default();
        if line.waiting.capacity() == 0 {
            line.waiting.reserve(self.last.min(2 * TOGETHER));
        }
        line.waiting.push_back(waiting);
        self.waiting += 1;
        self.queue_up(&topic);
    }

    /// A call has ended.
    pub(super) fn is_over(&mut self, topic: &TopicName) {
        self.under_way -= 1;
        if let Some(line) = self.lines.get_mut(topic) {
            line.under_way -= 1;
            if line.under_way == 0 && line.waiting.is_empty() {
                self.lines.remove(topic);
            }
        }
        self.queue_up(topic);
    }

    fn queue_up(&mut self, topic: &TopicName) {
        let Some(line) = self.lines.get_mut(topic).filter(|line| line.may_go()) else {
            return;
        };
        if line.under_way > 0 && line.waiting.len() < self.last / 2 {
            self.held.get_or_insert_with(Instant::now);
            return;
        }
        line.is_queued = true;
        self.queue.push_back(topic.clone());
    }

    /// Until when some wait for others.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.held.map(|since| since + GATHERING)
    }

    /// They have waited long enough: the call under way may take for ever.
    pub(super) fn release(&mut self) {
        self.held = None;
        for (topic, line) in self.lines.iter_mut().filter(|(_, line)| line.may_go()) {
            line.is_queued = true;
            self.queue.push_back(topic.clone());
        }
    }

    /// What is to be published next, in a call of its own.
    pub(super) fn next(&mut self) -> Option<(TopicName, Vec<Waiting<L>>)> {
        if self.under_way >= TOPICS {
            return None;
        }
        let topic = self.queue.pop_front()?;
        let line = self.lines.get_mut(&topic)?;
        let half = line.waiting.len() / 2;
        let count = half.clamp(TOGETHER, MOST).min(line.waiting.len());
        let together: Vec<_> = line.waiting.drain(..count).collect();
        (line.under_way, line.is_queued) = (line.under_way + 1, false);
        self.waiting -= count;
        self.under_way += 1;
        self.last = count;
        self.queue_up(&topic);
        Some((topic, together))
    }
}

#[cfg(test)]
mod tests {
    use glmsg_core::Message;
    use tokio::time::Instant;

    use super::*;
    use crate::request_reply::post::End;
    use crate::request_reply::post::busy::Busy;

    struct Note(Message);

    impl Letter for Note {
        fn message(&self) -> &Message {
            &self.0
        }

        fn until(&self) -> Instant {
            Instant::now()
        }

        fn is_wanted(&self) -> bool {
            true
        }

        fn ended(self, _: End) {}
    }

    fn leave(lines: &mut Lines<Note>, topic: &str, count: usize) {
        let busy = Busy::default();
        for _ in 0..count {
            let letter = Note(Message::text(topic, "x").unwrap());
            let counted = busy.count();
            lines.add(Waiting {
                letter,
                part: 0,
                counted,
            });
        }
    }

    fn next(lines: &mut Lines<Note>) -> Option<(String, usize)> {
        let (topic, together) = lines.next()?;
        Some((topic.to_string(), together.len()))
    }

    #[test]
    fn two_calls_write_to_a_topic_and_the_rest_gathers() {
        let mut lines = Lines::default();
        leave(&mut lines, "a", 1);
        assert_eq!(next(&mut lines), Some(("a".into(), 1)));
        leave(&mut lines, "a", 1);
        assert_eq!(next(&mut lines), Some(("a".into(), 1)));
        leave(&mut lines, "a", 100);
        assert_eq!(next(&mut lines), None);
        leave(&mut lines, "b", 3);
        assert_eq!(next(&mut lines), Some(("b".into(), 3)), "another topic");
        assert_eq!(lines.waiting(), 100);
        let a = TopicName::new("a").unwrap();
        lines.is_over(&a);
        assert_eq!(next(&mut lines), Some(("a".into(), 50)), "half of them");
        assert_eq!(next(&mut lines), None);
        lines.is_over(&a);
        assert_eq!(next(&mut lines), Some(("a".into(), TOGETHER)), "not fewer");
        lines.is_over(&a);
        assert_eq!(next(&mut lines), Some(("a".into(), 18)));
        assert_eq!((next(&mut lines), lines.waiting()), (None, 0));
        lines.is_over(&a);
        leave(&mut lines, "a", 8);
        assert_eq!(next(&mut lines), None, "fewer than half of the last");
        leave(&mut lines, "a", 1);
        assert_eq!(next(&mut lines), Some(("a".into(), 9)));
        leave(&mut lines, "a", 1);
        lines.is_over(&a);
        assert_eq!(next(&mut lines), None, "one is under way still");
        assert!(lines.held_until().is_some());
        lines.release();
        assert_eq!(next(&mut lines), Some(("a".into(), 1)), "long enough");
        assert_eq!(lines.held_until(), None);
    }

    #[test]
    fn a_topic_that_is_done_with_leaves_nothing() {
        let mut lines = Lines::default();
        for n in 0..TOPICS + 1 {
            leave(&mut lines, &format!("t{n}"), 1);
        }
        for n in 0..TOPICS {
            assert_eq!(next(&mut lines), Some((format!("t{n}"), 1)));
        }
        assert_eq!(next(&mut lines), None, "so many at a time");
        lines.is_over(&TopicName::new("t0").unwrap());
        assert_eq!(next(&mut lines), Some((format!("t{TOPICS}"), 1)));
        for n in 1..TOPICS + 1 {
            lines.is_over(&TopicName::new(format!("t{n}")).unwrap());
        }
        assert!(lines.lines.is_empty() && lines.queue.is_empty());
    }
}
