//! How much a topic keeps and for how long.

use std::time::Duration;

use glmsg_broker::{Backend, Overflow, Published, ReplayQuery, Settled, StartFrom, TopicConfig};
use glmsg_core::{ErrorKind, Priority};

use crate::world::{SECOND, World, done, message, text, topic};

fn bounded(max_len: u64) -> TopicConfig {
    TopicConfig::default().max_len(max_len)
}

fn kept(world: &World) -> Vec<String> {
    let query = ReplayQuery::new(topic(), StartFrom::Earliest);
    let stored = done(world.broker.replay(&query)).unwrap();
    stored
        .iter()
        .map(|s| text(s.message.as_ref().unwrap()))
        .collect()
}

fn is_full(outcome: &Published) -> bool {
    matches!(outcome, Published::Full(e) if e.kind() == ErrorKind::Full && e.is_transient())
}

#[test]
fn a_full_topic_refuses_what_does_not_fit_and_nothing_else() {
    let world = World::with(bounded(2));
    let _group = world.join("g");
    let batch: Vec<_> = ["a", "b", "c", "a"]
        .map(|n| message(n).build().unwrap())
        .into();
    let outcomes = world.publish_all(&batch);
    assert!(matches!(
        outcomes[..2],
        [Published::Stored, Published::Stored]
    ));
    assert!(is_full(&outcomes[2]));
    assert!(matches!(outcomes[3], Published::Duplicate), "it is there");
    assert_eq!(kept(&world), ["a", "b"]);
}

#[test]
fn without_a_group_nothing_is_acked() {
    let world = World::with(bounded(1));
    world.store("a");
    assert!(is_full(&world.publish(message("b"))));
}

#[test]
fn acked_messages_make_room_just_as_many_as_needed() {
    let world = World::with(bounded(3));
    let (mut a, mut b) = (world.join("a"), world.join("b"));
    world.store("1 2 3");
    let held = a.recv(3);
    a.ack(&held[0]);
    a.ack(&held[1]);
    assert!(is_full(&world.publish(message("4"))), "b has not acked");
    for delivery in b.recv(2) {
        b.ack(&delivery);
    }
    world.store("4");
    assert_eq!(
        kept(&world),
        ["2", "3", "4"],
        "one gone, one kept for replay"
    );
    world.store("5");
    assert!(is_full(&world.publish(message("6"))), "3 is held by a");
}

#[test]
fn an_unacked_message_at_the_front_keeps_what_is_behind_it() {
    let world = World::with(bounded(2));
    let mut a = world.join("g");
    world.store("1 2");
    let held = a.recv(2);
    a.ack(&held[1]);
    assert!(is_full(&world.publish(message("3"))));
    a.ack(&held[0]);
    world.store("3 4");
    assert_eq!(kept(&world), ["3", "4"]);
}

#[test]
fn the_oldest_front_of_all_lanes_goes_first() {
    let world = World::with(bounded(3));
    let mut a = world.join("g");
    world.publish(message("low").priority(Priority::Low));
    world.publish(message("high").priority(Priority::High));
    world.store("3");
    for delivery in a.recv(3) {
        a.ack(&delivery);
    }
    world.store("4");
    assert_eq!(kept(&world), ["high", "3", "4"]);
    world.store("5");
    assert_eq!(kept(&world), ["3", "4", "5"]);
}

#[test]
fn dropping_the_oldest_takes_it_whatever_its_state() {
    let world = World::with(bounded(3).overflow(Overflow::DropOldest));
    let mut a = world.join("g");
    world.store("1 2 3");
    let held = a.recv(2);
    world.store("4");
    assert_eq!(kept(&world), ["2", "3", "4"]);
    assert_eq!(a.ack(&held[0]), Settled::Stale, "it is gone");
    assert_eq!(a.ack(&held[1]), Settled::Acked);
    world.store("5 6 7 8");
    assert_eq!(kept(&world), ["6", "7", "8"]);
    assert_eq!(a.texts(), ["6", "7", "8"]);
    assert_eq!(world.lag("g").in_flight, 3);
}

#[test]
fn scheduled_messages_count_and_are_not_dropped() {
    let world = World::with(bounded(2).overflow(Overflow::DropOldest));
    let mut a = world.join("g");
    world.publish(message("later").delay(SECOND));
    world.store("1 2");
    assert_eq!(kept(&world), ["2"]);
    world.publish(message("later2").delay(SECOND));
    assert!(
        is_full(&world.publish(message("3"))),
        "nothing left to drop"
    );
    world.advance(SECOND);
    assert_eq!(a.texts(), ["later", "later2"]);
}

#[test]
fn acked_messages_go_when_they_are_too_old_in_order_from_the_front() {
    let world = World::with(bounded(10).max_age(60 * SECOND));
    let mut a = world.join("g");
    world.store("1 2 3");
    let held = a.recv(3);
    a.ack(&held[0]);
    a.ack(&held[2]);
    world.advance(60 * SECOND);
    assert_eq!(kept(&world), ["1", "2", "3"], "not older yet");
    world.advance(Duration::from_micros(1));
    assert_eq!(kept(&world), ["2", "3"]);
    a.ack(&held[1]);
    assert!(kept(&world).is_empty());
}

#[test]
fn bounds_can_be_changed() {
    let world = World::with(bounded(1));
    let mut a = world.join("g");
    world.store("1");
    let wider = TopicConfig::default().max_len(3);
    done(world.broker.create_topic(&topic(), &wider)).unwrap();
    world.store("2 3");
    for delivery in a.recv(3) {
        a.ack(&delivery);
    }
    done(world.broker.create_topic(&topic(), &bounded(1))).unwrap();
    assert_eq!(kept(&world).len(), 3, "a bound is kept by the next publish");
    world.store("4");
    assert_eq!(kept(&world), ["4"]);
    let none = TopicConfig::default().max_len(0);
    let error = done(world.broker.create_topic(&topic(), &none)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
}

#[test]
fn a_redriven_message_is_kept_until_it_is_acked() {
    let world = World::with(bounded(2).max_age(SECOND));
    let mut a = world.join("g");
    world.publish(message("1").max_retries(0));
    let held = a.one();
    a.retry(&held, SECOND);
    world.store("2");
    let two = a.one();
    a.ack(&two);
    world.redrive("g");
    assert!(is_full(&world.publish(message("3"))));
    world.advance(2 * SECOND);
    assert_eq!(kept(&world), ["1", "2"]);
    let again = a.one();
    a.ack(&again);
    assert!(kept(&world).is_empty());
}
