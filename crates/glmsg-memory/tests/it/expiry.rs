//! Time to live.

use glmsg_core::DeadLetterReason;

use crate::world::{LEASE, SECOND, World, message};

#[test]
fn an_expired_message_becomes_a_dead_letter_and_receiving_goes_on() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").ttl(10 * SECOND));
    world.publish(message("y").ttl(11 * SECOND));
    world.advance(10 * SECOND);
    let (received, intake) = a.try_recv(1).unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!((intake.expired, intake.dead_lettered), (1, 0));
    let dead = &world.dead("g")[0];
    assert_eq!(dead.reason, DeadLetterReason::Expired);
    assert_eq!(dead.attempts, 0);
}

#[test]
fn what_expired_alone_is_reported_without_a_delivery() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").ttl(SECOND));
    world.advance(SECOND);
    let (received, intake) = a.try_recv(1).unwrap();
    assert!(received.is_empty());
    assert_eq!(intake.expired, 1);
}

#[test]
fn a_retry_that_comes_too_late_is_expired_whatever_else_happened() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").ttl(10 * SECOND).max_retries(0));
    a.one();
    world.advance(LEASE);
    assert_eq!(a.try_recv(1).unwrap().1.expired, 1);
    let dead = &world.dead("g")[0];
    assert_eq!((dead.reason, dead.attempts), (DeadLetterReason::Expired, 1));
    assert!(dead.history.is_empty(), "expiry is looked at first");
}

#[test]
fn a_scheduled_message_lives_from_its_due_time() {
    let world = World::new();
    let mut a = world.join("g");
    let due = message("x").delay(60 * SECOND).ttl(10 * SECOND);
    world.publish(due);
    world.publish(message("y").delay(60 * SECOND).ttl(20 * SECOND));
    world.advance(75 * SECOND);
    let (received, intake) = a.try_recv(10).unwrap();
    assert_eq!(intake.expired, 1, "promoted late, it still lives from 60 s");
    assert_eq!(received.len(), 1);
}

#[test]
fn redriving_gives_a_new_life() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").ttl(SECOND));
    world.advance(SECOND);
    a.try_recv(1).unwrap();
    assert_eq!(world.redrive("g"), 1);
    world.advance(SECOND / 2);
    assert_eq!(a.one().attempt, 1);
    world.advance(LEASE);
    assert_eq!(a.try_recv(1).unwrap().1.expired, 1);
}
