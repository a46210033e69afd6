//! What the inbox does with messages, with the time in the test's hand.

mod elsewhere;

use std::time::Duration;

use glmsg_broker::{Nack, Ordering, Received, Settled, Token};
use glmsg_core::{AttemptOutcome, DeadLetterReason, Message, Priority, Timestamp};

use super::{Inbox, Role, Verdict};
use crate::entry::Entry;
use crate::window::Window;

const LEASE: Duration = Duration::from_secs(30);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_000_000_000).after(Duration::from_secs(seconds))
}

/// An inbox with one partition of each of two lanes.
struct Desk {
    inbox: Inbox,
    now: Timestamp,
    next: i64,
}

impl Desk {
    fn new(ordering: Ordering) -> Self {
        Self::going_on(ordering, 0, "")
    }

    /// Goes on where somebody else has committed.
    fn going_on(ordering: Ordering, low: i64, told: &str) -> Self {
        let mut inbox = Inbox::new(ordering);
        inbox.assign("t", 0, Role::Lane, Window::new(low, told));
        inbox.assign("t..high", 0, Role::Lane, Window::new(0, ""));
        Self {
            inbox,
            now: at(0),
            next: low,
        }
    }

    fn come(&mut self, message: Message) {
        let (topic, offset) = match message.priority() {
            Priority::High => ("t..high", 0),
            _ => {
                self.next += 1;
                ("t", self.next - 1)
            }
        };
        let part = self.inbox.find(topic, 0).unwrap();
        let entry = Box::new(Entry::of_message(message, self.now));
        self.inbox.come(part, offset, entry, self.now);
    }

    fn come_all(&mut self, payloads: &[&str]) {
        for payload in payloads {
            self.come(message(payload));
        }
    }

    fn take(&mut self, max: usize) -> Vec<Received> {
        let taken = self.inbox.take(max, LEASE, self.now);
        assert!(taken.condemned.is_empty(), "{taken:?}");
        taken.received
    }

    fn ack(&mut self, token: Token) -> Settled {
        self.inbox.ack(token, &mut Vec::new())
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
        assert!(self.inbox.advance(self.now).is_empty());
    }

    /// What is committed of the first partition.
    fn committed(&mut self) -> (i64, String) {
        self.inbox.commit_all_again();
        let all = self.inbox.take_commits();
        let found = all.into_iter().find(|(topic, ..)| topic == "t").unwrap();
        (found.2, found.3)
    }

    fn retry(&mut self, token: Token, delay: Duration) -> Verdict {
        self.inbox.nack(&Nack::retry(token, delay, "no"), self.now)
    }
}

fn message(payload: &str) -> Message {
    Message::new("t", payload.to_owned()).unwrap()
}

fn keyed(payload: &str) -> Message {
    let builder = Message::builder("t").payload(payload.to_owned());
    builder.key("k").build().unwrap()
}

fn texts(received: &[Received]) -> Vec<String> {
    let text = |r: &Received| String::from_utf8_lossy(r.message.payload()).into_owned();
    received.iter().map(text).collect()
}

#[test]
fn the_urgent_goes_first_and_what_came_back_before_what_is_new() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a", "b"]);
    let first = desk.take(1);
    desk.come_all(&["c"]);
    desk.come(
        Message::builder("t")
            .payload("urgent")
            .priority(Priority::High)
            .build()
            .unwrap(),
    );
    assert_eq!(desk.inbox.release(first[0].token), Settled::Released);
    let rest = desk.take(10);
    assert_eq!(texts(&rest), ["urgent", "a", "b", "c"]);
    assert_eq!(rest[1].attempt, 1, "a release does not count");
}

#[test]
fn what_is_on_its_way_holds_up_what_is_less_urgent_and_not_for_ever() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a"]);
    desk.inbox.expect(("t..high", 0), 0, (2, false), desk.now);
    assert!(desk.take(1).is_empty());
    desk.pass(1);
    assert_eq!(texts(&desk.take(1)), ["a"]);
}

#[test]
fn a_late_ack_counts_until_somebody_else_has_the_message() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a", "b"]);
    let held = desk.take(2);
    desk.pass(31);
    assert!(desk.inbox.is_late(held[0].token, desk.now));
    assert_eq!(desk.ack(held[0].token), Settled::Acked);
    let again = desk.take(10);
    assert_eq!((&*texts(&again)[0], again[0].attempt), ("b", 2));
    let ended = again[0].history.last().unwrap();
    assert_eq!(
        (ended.number, ended.outcome),
        (1, AttemptOutcome::LeaseExpired)
    );
    assert_eq!(desk.ack(held[1].token), Settled::Stale);
    assert_eq!(desk.ack(again[0].token), Settled::Acked);
    assert_eq!(desk.ack(again[0].token), Settled::Stale);
    assert_eq!(desk.committed(), (2, String::new()));
    assert_eq!(
        (desk.inbox.ready(), desk.inbox.out.len(), desk.inbox.bytes),
        (0, 0, 0)
    );
}

#[test]
fn who_goes_on_knows_what_is_done_and_how_often_the_rest_was_delivered() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a", "b", "c", "d"]);
    let held = desk.take(3);
    desk.ack(held[1].token);
    let (low, told) = desk.committed();
    assert_eq!(low, 0, "nothing is committed beyond what is not done");
    let mut heir = Desk::going_on(Ordering::None, low, &told);
    heir.come_all(&["a", "b", "c", "d"]);
    let got = heir.take(10);
    // What was delivered comes before what is new.
    assert_eq!(texts(&got), ["a", "c", "d"]);
    let attempts: Vec<u32> = got.iter().map(|r| r.attempt).collect();
    assert_eq!(attempts, [2, 2, 1]);
}

#[test]
fn the_first_after_a_start_are_told_of_before_they_are_handed_out() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a"]);
    assert!(desk.inbox.take(1, LEASE, desk.now).must_tell);
    desk.next = super::CAREFUL;
    desk.come_all(&["b", "c", "d"]);
    let mut must_tell = || desk.inbox.take(1, LEASE, desk.now).must_tell;
    assert!(
        must_tell(),
        "so far behind what is committed it is told of, too"
    );
    let (newest, offset) = (desk.inbox.newest(), 2);
    let offsets = [("t".to_owned(), 0, offset, String::new())];
    desk.inbox.are_committed(&offsets, newest);
    assert!(!desk.inbox.take(1, LEASE, desk.now).must_tell);
    assert!(desk.inbox.take(1, LEASE, desk.now).must_tell);
}

/// What is committed of the first partition when it is given back.
fn given_back(desk: &mut Desk) -> (i64, String) {
    let part = desk.inbox.find("t", 0).unwrap();
    let all = desk.inbox.give_back(&[part]);
    let found = all.into_iter().find(|(topic, ..)| topic == "t").unwrap();
    (found.2, found.3)
}

/// What is committed of the first partition has no seal any more.
fn break_seal(desk: &mut Desk) {
    let (offsets, newest) = ([("t".to_owned(), 0, 0, String::new())], desk.inbox.newest());
    desk.inbox.are_committed(&offsets, newest);
}

fn must_tell(desk: &mut Desk) -> bool {
    let taken = desk.inbox.take(1, LEASE, desk.now);
    assert_eq!(taken.received.len(), 1);
    taken.must_tell
}

#[test]
fn what_was_given_back_needs_one_commit_before_anything_is_handed_out() {
    let mut desk = Desk::going_on(Ordering::None, 0, crate::marks::UNTOUCHED);
    desk.come_all(&["a", "b", "c", "d"]);
    assert!(must_tell(&mut desk));
    let (newest, offsets) = (desk.inbox.newest(), desk.inbox.take_commits());
    assert!(!crate::marks::is_sealed(&offsets[0].3), "{offsets:?}");
    assert!(must_tell(&mut desk), "it is not committed yet");
    desk.inbox.are_committed(&offsets, newest);
    assert!(!must_tell(&mut desk), "nobody had it before");
    // It moves, and comes back: what was committed before says nothing of it.
    let (low, told) = given_back(&mut desk);
    assert!(crate::marks::is_sealed(&told), "{told}");
    desk.inbox
        .assign("t", 0, Role::Lane, Window::new(low, &told));
    desk.inbox.are_committed(&offsets, newest);
    desk.next = low;
    desk.come_all(&["a", "b", "c", "d"]);
    desk.take(3);
    // It was not delivered before, so that the seal alone has it told of.
    assert!(must_tell(&mut desk));
    // Nobody committed that something was taken: it was not handed out, and is told of all the same.
    let (_, told) = given_back(&mut desk);
    assert!(desk.take(1).is_empty(), "it is as good as somebody else's");
    let mut heir = Desk::going_on(Ordering::None, low, &told);
    heir.come_all(&["a", "b", "c", "d"]);
    let attempts: Vec<u32> = heir.take(4).iter().map(|r| r.attempt).collect();
    assert_eq!(attempts, [3, 3, 3, 2]);
}

#[test]
fn what_is_told_of_is_told_of_again_though_it_was_given_back() {
    let mut desk = Desk::going_on(Ordering::None, 0, "gm1:2za2b~");
    break_seal(&mut desk);
    // The first two are done.
    desk.next = 2;
    desk.come_all(&["c", "d", "e", "f"]);
    let told: Vec<bool> = (0..4).map(|_| must_tell(&mut desk)).collect();
    assert_eq!(told, [true, true, true, false]);
}

#[test]
fn where_nothing_is_committed_it_begins_with_the_first_that_comes() {
    let mut desk = Desk::new(Ordering::None);
    desk.inbox.assign("t", 0, Role::Lane, Window::unknown());
    desk.next = 5_000_000;
    desk.come_all(&["a"]);
    assert!(must_tell(&mut desk));
    let (_, told) = given_back(&mut desk);
    assert!(!crate::marks::is_sealed(&told), "{told}");
}

#[test]
fn what_only_waited_was_not_handed_out() {
    let mut desk = Desk::going_on(Ordering::None, 0, "gm1:A~");
    break_seal(&mut desk);
    desk.come_all(&["a"]);
    assert!(!must_tell(&mut desk));
}

#[test]
fn what_a_dead_process_may_have_handed_out_is_not_sealed_until_it_has_come() {
    let mut desk = Desk::going_on(Ordering::None, 0, "gm1:a2b");
    desk.come_all(&["a", "b", "c"]);
    for one in desk.take(3) {
        desk.ack(one.token);
    }
    assert_eq!(given_back(&mut desk), (3, String::new()));
    // What comes after the partition did was not there for anybody.
    let mut desk = Desk::going_on(Ordering::None, 0, "gm1:a2b");
    desk.inbox.is_new_from(("t", 0), 3);
    desk.come_all(&["a", "b", "c"]);
    assert_eq!(given_back(&mut desk), (0, "gm1:a2b~".to_owned()));
}

#[test]
fn used_up_attempts_and_lives_are_found_before_a_delivery() {
    let mut desk = Desk::going_on(Ordering::None, 0, "gm1:ba");
    let build = || Message::builder("t").payload("x");
    desk.come(build().max_retries(0).build().unwrap());
    desk.come(build().ttl(Duration::from_secs(1)).build().unwrap());
    desk.pass(2);
    let taken = desk.inbox.take(10, LEASE, desk.now);
    assert!(taken.received.is_empty());
    let reasons: Vec<_> = taken
        .condemned
        .iter()
        .map(|(_, reason, _)| *reason)
        .collect();
    assert_eq!(
        reasons,
        [DeadLetterReason::MaxRetries, DeadLetterReason::Expired]
    );
    // It stays where it is until it is a dead letter.
    let moved = desk.inbox.condemn(taken.condemned[0].0).unwrap();
    assert_eq!(desk.committed().0, 0);
    assert_eq!(desk.ack(taken.condemned[0].0), Settled::Stale, "on its way");
    desk.inbox.moved(&moved);
    assert_eq!(desk.committed().0, 1);
}

#[test]
fn a_key_goes_on_when_the_one_before_is_done() {
    let mut desk = Desk::new(Ordering::PerKey);
    for payload in ["1", "2", "3"] {
        desk.come(keyed(payload));
    }
    desk.come_all(&["other"]);
    let got = desk.take(10);
    assert_eq!(texts(&got), ["1", "other"]);
    let retried = desk.retry(got[0].token, Duration::from_secs(5));
    assert!(
        matches!(retried, Verdict::Settled(Settled::Retried(_))),
        "{retried:?}"
    );
    assert!(desk.take(10).is_empty(), "the key waits for its retry");
    desk.pass(6);
    let again = desk.take(10);
    assert_eq!((&*texts(&again)[0], again[0].attempt), ("1", 2));
    desk.ack(again[0].token);
    assert_eq!(texts(&desk.take(10)), ["2"]);
}

#[test]
fn nothing_of_a_partition_that_is_gone_can_be_settled() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a", "b"]);
    let held = desk.take(1);
    let part = desk.inbox.find("t", 0).unwrap();
    desk.inbox.revoke(part);
    assert_eq!(desk.ack(held[0].token), Settled::Stale);
    assert!(desk.take(10).is_empty());
    assert_eq!(
        (desk.inbox.ready(), desk.inbox.out.len(), desk.inbox.bytes),
        (0, 0, 0)
    );
}

#[test]
fn a_partition_of_which_much_waits_is_read_no_further() {
    let mut desk = Desk::new(Ordering::PerKey);
    let part = desk.inbox.find("t", 0).unwrap();
    let (most, payload) = (10_000, "x".repeat(1000));
    for _ in 0..6 {
        desk.come(keyed(&payload));
    }
    assert!(!desk.inbox.is_wide(part, most, false));
    for _ in 0..2 {
        desk.come(keyed(&payload));
    }
    assert!(desk.inbox.is_wide(part, most, false), "seven of a key wait");
    let other = desk.inbox.find("t..high", 0).unwrap();
    assert!(
        !desk.inbox.is_wide(other, most, false),
        "nothing of it waits"
    );
    for left in (0..8).rev() {
        let held = desk.take(10);
        assert_eq!(held.len(), 1, "one of a key at a time");
        desk.ack(held[0].token);
        // The first of them does not wait. It is read on when the rest is half of what may wait.
        let is_wide = usize::saturating_sub(left, 1) * 1512 > most / 2;
        assert_eq!(desk.inbox.is_wide(part, most, true), is_wide, "{left}");
    }
}

#[test]
fn what_is_done_far_beyond_what_is_committed_is_told_soon() {
    let mut desk = Desk::new(Ordering::None);
    let many = usize::try_from(super::AHEAD).unwrap();
    for _ in 0..2 {
        desk.come_all(&vec!["x"; many]);
        let got = desk.take(many);
        let (last, others) = got.split_last().unwrap();
        for received in others {
            desk.ack(received.token);
        }
        assert!(!desk.inbox.is_ahead());
        desk.ack(last.token);
        assert!(desk.inbox.is_ahead());
        let (newest, offsets) = (desk.inbox.newest(), desk.inbox.take_commits());
        desk.inbox.are_committed(&offsets, newest);
        assert!(!desk.inbox.is_ahead());
    }
}
