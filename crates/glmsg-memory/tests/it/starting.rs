//! Where a group begins.

use glmsg_broker::{Backend, Position, StartFrom};
use glmsg_core::{ErrorKind, Priority};

use crate::world::{SECOND, World, done, id, message};

/// a (low) at 0 s, b at 1 s, c (high) at 1 s, d at 2 s.
fn stored() -> World {
    let world = World::new();
    world.publish(message("a").priority(Priority::Low));
    world.advance(SECOND);
    world.store("b");
    world.publish(message("c").priority(Priority::High));
    world.advance(SECOND);
    world.store("d");
    world
}

#[test]
fn each_start_begins_where_it_says() {
    let world = stored();
    let second = world.now();
    let first = "2026-01-01T00:00:01Z".parse().unwrap();
    for (start, expected) in [
        (StartFrom::Earliest, "cbda"),
        (StartFrom::Latest, ""),
        (StartFrom::Time(first), "cbd"),
        (StartFrom::Time(second), "d"),
        (StartFrom::Time(second.after(SECOND)), ""),
        (StartFrom::Message(id("b")), "cbd"),
        (StartFrom::After(Position::new("2")), "cd"),
        (StartFrom::After(Position::new("4")), ""),
        (StartFrom::After(Position::new("99")), ""),
    ] {
        let name = format!("{start:?}").replace(|c: char| !c.is_ascii_alphanumeric(), "");
        let mut member = world.join_from(&name, start.clone());
        assert_eq!(member.texts().concat(), expected, "{start:?}");
        assert_eq!(world.lag(&name).total(), expected.len() as u64);
    }
    world.store("e");
    let mut latest = world.join("Latest");
    assert_eq!(latest.texts(), ["e"], "an existing group keeps its start");
    let mut beyond = world.join("AfterPosition99");
    let _ = beyond.texts();
}

#[test]
fn a_start_at_an_unknown_message_leaves_nothing_behind() {
    let world = World::new();
    let options = World::options("g").start(StartFrom::Message(id("x")));
    let error = world.subscribe(&options).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(done(world.broker.topics()).unwrap().is_empty());
}

#[test]
fn what_stands_before_the_start_does_not_hold_the_topic_up() {
    let world = World::with(glmsg_broker::TopicConfig::default().max_len(1));
    world.store("a");
    let mut late = world.join_from("g", StartFrom::Latest);
    world.store("b");
    assert_eq!(late.texts(), ["b"]);
}
