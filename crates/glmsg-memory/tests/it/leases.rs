//! Leases: who holds a message, and until when.

use std::time::Duration;

use glmsg_broker::{Settled, Source};
use glmsg_core::AttemptOutcome;

use crate::world::{LEASE, SECOND, World, done};

#[test]
fn a_held_message_goes_to_nobody_else() {
    let world = World::new();
    let (mut a, mut b) = (world.join("g"), world.join("g"));
    world.store("x");
    assert_eq!(a.texts(), ["x"]);
    world.advance(LEASE - Duration::from_micros(1));
    assert!(b.texts().is_empty());
}

#[test]
fn when_a_lease_runs_out_the_message_comes_again_with_a_history() {
    let world = World::new();
    let (mut a, mut b) = (world.join("g"), world.join("g"));
    world.store("x");
    let first = a.one();
    world.advance(LEASE);
    let second = b.one();
    assert_eq!(second.attempt, 2);
    let last = second.history.last().unwrap();
    assert_eq!(last.outcome, AttemptOutcome::LeaseExpired);
    assert_eq!((last.number, last.at), (1, world.now()));
    assert_eq!(a.ack(&first), Settled::Stale, "it is another's now");
    assert_eq!(b.ack(&second), Settled::Acked);
    assert_eq!(b.ack(&second), Settled::Stale, "only once");
}

#[test]
fn a_late_settlement_counts_until_somebody_else_receives() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("x y");
    let held = a.recv(2);
    world.advance(LEASE * 2);
    assert_eq!(a.ack(&held[0]), Settled::Acked);
    assert_eq!(
        a.extend(&held[1], LEASE),
        Settled::Extended(world.now().after(LEASE))
    );
    assert!(a.texts().is_empty());
}

#[test]
fn an_extended_lease_runs_from_now() {
    let world = World::new();
    let (mut a, mut b) = (world.join("g"), world.join("g"));
    world.store("x y z");
    let held = a.recv(3);
    world.advance(20 * SECOND);
    a.extend(&held[1], LEASE);
    world.advance(10 * SECOND);
    assert_eq!(b.texts(), ["x", "z"]);
    world.advance(20 * SECOND);
    assert_eq!(b.texts(), ["y"]);
}

#[test]
fn a_lease_can_be_made_shorter() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("x");
    let held = a.one();
    a.extend(&held, SECOND);
    world.advance(SECOND);
    assert_eq!(a.texts(), ["x"]);
}

#[test]
fn leaving_the_group_lets_leases_run_out() {
    let world = World::new();
    let mut a = world.join("g");
    let mut b = world.join("g");
    world.store("x y");
    let held = a.recv(2);
    let settler = a.source.settler();
    drop(a);
    assert!(b.texts().is_empty());
    let acked = done(glmsg_broker::Settler::ack(&settler, &[held[0].token]));
    assert_eq!(
        acked.unwrap(),
        [Settled::Acked],
        "a handle outlives its source"
    );
    world.advance(LEASE);
    assert_eq!(b.texts(), ["y"]);
}

#[test]
fn what_comes_back_comes_in_the_order_of_time_then_of_place() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("v w x y z");
    let held = a.recv(5);
    a.retry(&held[4], 2 * SECOND);
    a.retry(&held[3], SECOND);
    a.retry(&held[2], 2 * SECOND);
    a.extend(&held[1], 2 * SECOND);
    a.extend(&held[0], 3 * SECOND);
    world.store("new");
    world.advance(3 * SECOND);
    assert_eq!(a.texts(), ["y", "w", "x", "z", "v", "new"]);
}

#[test]
fn many_extensions_keep_no_memory_of_their_own() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("x y");
    let held = a.recv(2);
    for _ in 0..10_000 {
        world.advance(Duration::from_millis(1));
        a.extend(&held[0], LEASE);
    }
    world.advance(LEASE - Duration::from_millis(1));
    assert_eq!(a.texts(), ["y"]);
    world.advance(Duration::from_millis(1));
    assert_eq!(a.texts(), ["x"]);
}
