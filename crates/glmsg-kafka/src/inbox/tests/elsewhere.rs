//! What leaves its partition for another, and what of it cannot.

use super::*;

#[test]
fn a_retry_at_once_stays_and_one_with_a_delay_goes_elsewhere() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a", "b"]);
    let held = desk.take(2);
    let now = desk.retry(held[0].token, Duration::ZERO);
    assert!(
        matches!(now, Verdict::Settled(Settled::Retried(_))),
        "{now:?}"
    );
    let again = desk.take(1);
    assert_eq!(again[0].attempt, 2);
    desk.ack(again[0].token);
    let Verdict::Retry(moved, due) = desk.retry(held[1].token, Duration::from_secs(60)) else {
        panic!("it stays");
    };
    assert_eq!((due, moved.entry.attempts), (at(60), 1));
    // It cannot be moved: it waits here, and is tried again.
    assert!(desk.inbox.stays(&moved, at(1)));
    assert_eq!(desk.ack(held[1].token), Settled::Stale);
    let again = desk.inbox.advance(at(1));
    assert_eq!(again.len(), 1);
    assert!(desk.inbox.stays(&again[0], at(59)));
    desk.pass(59);
    assert!(desk.take(10).is_empty(), "it is not due");
    desk.pass(1);
    let again = desk.take(10);
    assert_eq!((&*texts(&again)[0], again[0].attempt), ("b", 2));
    let outcomes: Vec<_> = again[0]
        .history
        .attempts()
        .iter()
        .map(|a| a.outcome)
        .collect();
    assert_eq!(outcomes, [AttemptOutcome::Failed], "it was nacked once");
}

#[test]
fn a_retry_that_is_due_before_it_is_known_not_to_be_moved_comes_at_once() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a"]);
    let held = desk.take(1);
    let Verdict::Retry(moved, _) = desk.retry(held[0].token, Duration::from_secs(10)) else {
        panic!("it stays");
    };
    desk.pass(30);
    let again = desk.now.after(Duration::from_secs(1));
    assert!(desk.inbox.stays(&moved, again));
    desk.pass(0);
    let again = desk.take(10);
    assert_eq!((again[0].attempt, again[0].history.len()), (2, 1));
}

#[test]
fn a_burial_that_fails_is_out_again_until_soon() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a"]);
    let held = desk.take(1);
    let moved = desk.inbox.condemn(held[0].token).unwrap();
    desk.inbox.not_moved(&moved, at(1));
    assert!(desk.take(1).is_empty());
    desk.pass(1);
    assert_eq!(texts(&desk.take(1)), ["a"]);
}

#[test]
fn nobody_waits_for_who_has_let_its_lease_run_out() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a"]);
    let held = desk.take(1);
    assert_eq!(desk.inbox.held(), 1);
    desk.pass(31);
    assert_eq!(desk.inbox.held(), 0);
    assert_eq!(desk.ack(held[0].token), Settled::Acked, "it counts still");
}

#[test]
fn what_is_given_back_is_settled_by_who_has_it_next() {
    let mut desk = Desk::new(Ordering::None);
    desk.come_all(&["a", "b", "c", "d"]);
    let held = desk.take(3);
    let day = Duration::from_secs(86_400);
    let Verdict::Retry(moved, _) = desk.retry(held[0].token, day) else {
        panic!("it stays");
    };
    let part = desk.inbox.find("t", 0).unwrap();
    desk.inbox.close_off(&[part]);
    assert_eq!(desk.ack(held[1].token), Settled::Stale);
    let nacked = desk.retry(held[2].token, day);
    assert!(
        matches!(nacked, Verdict::Settled(Settled::Stale)),
        "{nacked:?}"
    );
    // What is on its way still counts when it arrives.
    assert!(desk.inbox.is_moving(part));
    desk.inbox.moved(&moved);
    assert!(!desk.inbox.is_moving(part));
    assert_eq!(given_back(&mut desk).0, 1);
}

#[test]
fn what_waits_is_not_moved_while_its_partition_is_given_back() {
    let mut desk = Desk::new(Ordering::None);
    let part = scheduled(&mut desk, 1);
    desk.inbox.close_off(&[part]);
    assert!(desk.inbox.advance(at(1)).is_empty());
}

/// What is scheduled for tomorrow has come; the number of its partition.
fn scheduled(desk: &mut Desk, count: i64) -> u64 {
    desk.inbox
        .assign("t..later", 0, Role::Later, Window::new(0, ""));
    let part = desk.inbox.find("t..later", 0).unwrap();
    let day = Duration::from_secs(86_400);
    for offset in 0..count {
        let mut entry = Entry::of_message(message("tomorrow"), desk.now);
        (entry.due, entry.is_scheduled) = (Some(desk.now.after(day)), true);
        desk.inbox.come(part, offset, Box::new(entry), desk.now);
    }
    part
}

#[test]
fn what_is_scheduled_and_cannot_be_moved_comes_no_earlier() {
    let mut desk = Desk::new(Ordering::None);
    let part = scheduled(&mut desk, 1);
    for second in 1..=40 {
        let moved = desk.inbox.advance(at(second));
        assert_eq!(moved.len(), 1, "it is tried again");
        assert!(desk.inbox.stays(&moved[0], at(second + 1)));
        assert!(desk.inbox.take(10, LEASE, at(second)).received.is_empty());
    }
    // Its room is free when it is gone.
    assert!(desk.inbox.is_wide(part, 500, false));
    let moved = desk.inbox.advance(at(41));
    desk.inbox.moved(&moved[0]);
    assert!(!desk.inbox.is_wide(part, 500, true));
}

#[test]
fn what_is_on_its_way_elsewhere_waits_until_it_has_arrived() {
    let mut desk = Desk::new(Ordering::None);
    let part = scheduled(&mut desk, 2);
    // Others that are due sooner may stand behind it, so it does not stay for a day.
    let moved = desk.inbox.advance(at(1));
    assert_eq!(moved.len(), 2);
    assert!(desk.inbox.is_wide(part, 500, false));
    moved.iter().for_each(|moved| desk.inbox.moved(moved));
    assert!(!desk.inbox.is_wide(part, 500, true));
    desk.inbox.revoke(part);
}
