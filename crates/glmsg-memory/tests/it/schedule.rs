//! Scheduled messages.

use glmsg_broker::{Backend, Published, ReplayQuery, StartFrom};
use glmsg_core::Priority;

use crate::world::{SECOND, World, done, id, message, topic};

#[test]
fn a_scheduled_message_is_delivered_when_it_is_due_and_not_before() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").delay(10 * SECOND));
    world.advance(9 * SECOND);
    assert!(a.texts().is_empty());
    assert_eq!(world.lag("g").total(), 0, "it is no lag before it is due");
    world.advance(SECOND);
    assert_eq!(world.lag("g").undelivered, 1);
    assert_eq!(a.texts(), ["x"]);
}

#[test]
fn what_becomes_due_together_stands_by_due_time() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("late").delay(3 * SECOND));
    world.publish(message("early").deliver_at(world.now().after(SECOND)));
    world.publish(message("late2").delay(3 * SECOND));
    world.store("now");
    world.advance(5 * SECOND);
    world.store("after");
    assert_eq!(a.texts(), ["now", "early", "late", "late2", "after"]);
    let stored = done(
        world
            .broker
            .replay(&ReplayQuery::new(topic(), StartFrom::Earliest)),
    );
    let stored = stored.unwrap();
    assert_eq!(stored[1].stored_at, world.now(), "stored when promoted");
}

#[test]
fn a_time_that_has_passed_means_at_once() {
    let world = World::new();
    let mut a = world.join("g");
    world.publish(message("x").deliver_at(world.now()));
    assert_eq!(a.texts(), ["x"]);
}

#[test]
fn a_scheduled_message_keeps_its_priority_and_its_identity() {
    let world = World::new();
    let mut a = world.join("g");
    let urgent = || message("x").delay(SECOND).priority(Priority::Critical);
    world.publish(urgent());
    assert!(matches!(world.publish(urgent()), Published::Duplicate));
    world.advance(SECOND);
    world.store("y");
    assert!(matches!(world.publish(urgent()), Published::Duplicate));
    assert_eq!(a.texts(), ["x", "y"]);
}

#[test]
fn it_reaches_the_groups_that_exist_when_it_becomes_due() {
    let world = World::new();
    world.publish(message("x").delay(SECOND));
    let mut a = world.join_from("a", StartFrom::Latest);
    world.advance(SECOND);
    let mut b = world.join_from("b", StartFrom::Latest);
    assert_eq!(a.texts(), ["x"]);
    assert!(b.texts().is_empty(), "it was due before this group began");
}

#[test]
fn no_group_starts_from_a_scheduled_message() {
    let world = World::new();
    world.publish(message("x").delay(SECOND));
    let options = World::options("g").start(StartFrom::Message(id("x")));
    assert!(world.subscribe(&options).is_err());
    world.advance(SECOND);
    assert!(world.subscribe(&options).is_ok());
}
