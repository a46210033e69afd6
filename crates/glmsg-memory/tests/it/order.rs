//! Order by key.

use std::time::Duration;

use glmsg_broker::{Nack, Settled};
use glmsg_core::{DeadLetterReason, Priority};

use crate::world::{LEASE, SECOND, World, message, texts};

fn store(world: &World, keyed: &str) {
    for name in keyed.split(' ') {
        let key = &name[..1];
        let plain = message(name);
        world.publish(if key == "-" { plain } else { plain.key(key) });
    }
}

#[test]
fn one_message_of_a_key_at_a_time() {
    let world = World::new();
    let mut a = world.join_per_key("g");
    let mut b = world.join_per_key("g");
    store(&world, "a1 a2 b1 -1 a3 b2 -2");
    let held = a.recv(100);
    assert_eq!(texts(&held), ["a1", "b1", "-1", "-2"]);
    assert!(b.texts().is_empty());
    a.ack(&held[0]);
    let next = b.recv(100);
    assert_eq!(texts(&next), ["a2"]);
    a.ack(&held[1]);
    b.ack(&next[0]);
    assert_eq!(a.texts(), ["a3", "b2"]);
}

#[test]
fn order_holds_across_retries_and_lost_leases() {
    let world = World::new();
    let mut a = world.join_per_key("g");
    store(&world, "a1 a2");
    let first = a.one();
    a.retry(&first, 10 * SECOND);
    assert!(a.texts().is_empty(), "a2 waits for a1's retry");
    world.advance(10 * SECOND);
    assert_eq!(a.texts(), ["a1"]);
    world.advance(LEASE);
    let third = a.recv(100);
    assert_eq!(texts(&third), ["a1"]);
    a.ack(&third[0]);
    assert_eq!(a.texts(), ["a2"]);
}

#[test]
fn a_dead_letter_lets_the_next_one_go() {
    let world = World::new();
    let mut a = world.join_per_key("g");
    store(&world, "a1 a2");
    let first = a.one();
    a.nack(Nack::reject(first.token, DeadLetterReason::Rejected, "no"));
    assert_eq!(a.texts(), ["a2"]);
}

#[test]
fn an_expired_one_lets_the_next_one_go_in_the_same_receive() {
    let world = World::new();
    let mut a = world.join_per_key("g");
    world.publish(message("a1").key("a").ttl(SECOND));
    store(&world, "a2 a3");
    world.advance(SECOND);
    assert_eq!(a.texts(), ["a2"]);
}

#[test]
fn a_redriven_message_has_its_turn_before_later_ones() {
    let world = World::new();
    let mut a = world.join_per_key("g");
    store(&world, "a1 a2 a3");
    let first = a.one();
    a.nack(Nack::reject(first.token, DeadLetterReason::Rejected, "no"));
    let second = a.one();
    world.redrive("g");
    let again = a.recv(100);
    assert_eq!(texts(&again), ["a1"]);
    // Its lease is lost while an earlier message is on the way: it waits for that one.
    world.advance(LEASE);
    let again = a.recv(100);
    assert_eq!(texts(&again), ["a1"]);
    assert_eq!(a.ack(&second), Settled::Acked, "nobody else has it yet");
    a.ack(&again[0]);
    assert_eq!(a.texts(), ["a3"]);
}

#[test]
fn a_lost_lease_behind_a_redriven_message_comes_back_after_it() {
    let world = World::new();
    let mut a = world.join_per_key("g");
    store(&world, "a1 a2");
    let first = a.one();
    a.nack(Nack::reject(first.token, DeadLetterReason::Rejected, "no"));
    a.one();
    world.redrive("g");
    world.advance(LEASE);
    let again = a.recv(100);
    assert_eq!(texts(&again), ["a1"]);
    a.ack(&again[0]);
    assert_eq!(a.texts(), ["a2"]);
}

#[test]
fn keys_of_different_lanes_do_not_wait_for_each_other() {
    let world = World::new();
    let mut a = world.join_per_key("g");
    store(&world, "a1");
    world.publish(message("a2").key("a").priority(Priority::High));
    assert_eq!(a.texts(), ["a2", "a1"]);
}

#[test]
fn lag_tells_what_waits_for_its_turn() {
    let world = World::new();
    let mut a = world.join_per_key("g");
    store(&world, "a1 a2 a3 b1 -1");
    let lag = world.lag("g");
    assert_eq!((lag.undelivered, lag.in_flight, lag.delayed), (3, 0, 2));
    let held = a.recv(1);
    a.retry(&held[0], Duration::from_secs(5));
    let lag = world.lag("g");
    assert_eq!((lag.undelivered, lag.in_flight, lag.delayed), (2, 0, 3));
    assert_eq!(lag.total(), 5);
}

#[test]
fn without_the_order_keys_mean_nothing() {
    let world = World::new();
    let mut a = world.join("g");
    store(&world, "a1 a2 b1");
    assert_eq!(a.texts(), ["a1", "a2", "b1"]);
}
