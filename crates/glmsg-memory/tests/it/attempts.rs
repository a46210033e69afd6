//! Attempts: what is counted, what is kept, and when it is enough.

use std::time::Duration;

use glmsg_broker::{Nack, Requeue, Settled};
use glmsg_core::{AttemptOutcome, DeadLetterReason};

use crate::world::{LEASE, SECOND, World, id, message};

#[test]
fn a_message_is_tried_once_and_then_as_often_as_it_allows() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").max_retries(2));
    for attempt in 1..=2 {
        let delivery = a.one();
        assert_eq!(delivery.attempt, attempt);
        assert_eq!(delivery.history.len() + 1, attempt as usize);
        let settled = a.retry(&delivery, SECOND);
        assert_eq!(settled, Settled::Retried(world.now().after(SECOND)));
        assert!(a.texts().is_empty(), "not before it is due");
        world.advance(SECOND);
    }
    let last = a.one();
    let settled = a.retry(&last, SECOND);
    assert_eq!(settled, Settled::DeadLettered(DeadLetterReason::MaxRetries));
    world.advance(LEASE);
    assert!(a.texts().is_empty());
    let dead = world.dead("g");
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].id, dead[0].attempts), (id("x"), 3));
    assert_eq!(dead[0].history.len(), 3);
    assert_eq!(&*dead[0].detail, "no luck");
}

#[test]
fn lost_leases_use_up_attempts_too_and_the_handler_is_not_run_again() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").max_retries(1));
    a.one();
    world.advance(LEASE);
    assert_eq!(a.one().attempt, 2);
    world.advance(LEASE);
    let (received, intake) = a.try_recv(10).unwrap();
    assert!(received.is_empty());
    assert_eq!((intake.dead_lettered, intake.expired), (1, 0));
    let dead = &world.dead("g")[0];
    assert_eq!(dead.reason, DeadLetterReason::MaxRetries);
    assert_eq!((dead.attempts, dead.history.len()), (2, 2));
    let outcomes: Vec<_> = dead.history.attempts().iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::LeaseExpired; 2]);
}

#[test]
fn a_released_delivery_does_not_count() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").max_retries(0));
    for _ in 0..5 {
        let delivery = a.one();
        assert_eq!(delivery.attempt, 1);
        assert!(delivery.history.is_empty());
        assert_eq!(a.release(&delivery), Settled::Released);
        assert_eq!(a.release(&delivery), Settled::Stale);
    }
}

#[test]
fn a_refusal_is_final_and_keeps_its_reason() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("x");
    let delivery = a.one();
    let nack = Nack::reject(delivery.token, DeadLetterReason::Undecodable, "not mine");
    assert_eq!(
        a.nack(nack),
        Settled::DeadLettered(DeadLetterReason::Undecodable)
    );
    let dead = &world.dead("g")[0];
    assert_eq!(dead.reason, DeadLetterReason::Undecodable);
    assert_eq!(&*dead.detail, "not mine");
    assert_eq!(
        dead.history.last().unwrap().outcome,
        AttemptOutcome::Rejected
    );
    assert_eq!(dead.dead_at, world.now());
    assert_eq!(a.retry(&delivery, SECOND), Settled::Stale);
}

#[test]
fn the_history_says_how_each_attempt_ended() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("x");
    let first = a.one();
    let nack = Nack::retry(first.token, Duration::ZERO, "slow").outcome(AttemptOutcome::TimedOut);
    assert_eq!(nack.requeue, Requeue::NOW);
    a.nack(nack);
    let second = a.one();
    let attempt = second.history.last().unwrap();
    assert_eq!(attempt.outcome, AttemptOutcome::TimedOut);
    assert_eq!(&*attempt.error, "slow");
}

#[test]
fn the_history_is_bounded() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").max_retries(20));
    for _ in 0..15 {
        let delivery = a.one();
        a.retry(&delivery, Duration::ZERO);
    }
    let delivery = a.one();
    assert_eq!((delivery.attempt, delivery.history.len()), (16, 10));
    assert_eq!(delivery.history.attempts()[0].number, 6);
}
