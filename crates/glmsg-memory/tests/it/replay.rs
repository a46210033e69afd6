//! Reading without a group.

use glmsg_broker::{Backend, Position, ReplayQuery, StartFrom};
use glmsg_core::{ErrorKind, Priority};

use crate::world::{SECOND, World, done, id, message, text, topic};

fn read(world: &World, from: StartFrom, limit: usize) -> (Vec<String>, Option<Position>) {
    let query = ReplayQuery::new(topic(), from).limit(limit);
    let page = done(world.broker.replay(&query)).unwrap();
    let texts = page
        .iter()
        .map(|s| text(s.message.as_ref().unwrap()))
        .collect();
    (texts, page.last().map(|s| s.position.clone()))
}

#[test]
fn pages_give_everything_in_stored_order_whoever_has_acked_it() {
    let world = World::new();
    let mut a = world.join("g");
    for n in 0..10_u8 {
        let lane = Priority::from_u8(n % 4).unwrap();
        world.publish(message(&n.to_string()).priority(lane));
    }
    for delivery in a.recv(5) {
        a.ack(&delivery);
    }
    let (mut from, mut all) = (StartFrom::Earliest, Vec::new());
    loop {
        let (page, last) = read(&world, from, 3);
        let Some(last) = last else { break };
        all.extend(page);
        from = StartFrom::After(last);
    }
    assert_eq!(all.concat(), "0123456789");
}

#[test]
fn positions_are_ordinals_and_outlive_their_message() {
    let world = World::new();
    world.store("a b c");
    let (_, last) = read(&world, StartFrom::Earliest, 2);
    assert_eq!(last.unwrap().as_str(), "2");
    let (page, _) = read(&world, StartFrom::After(Position::new("2")), 10);
    assert_eq!(page, ["c"]);
    let (page, last) = read(&world, StartFrom::After(Position::new("999")), 10);
    assert!(page.is_empty() && last.is_none());
    let query = ReplayQuery::new(topic(), StartFrom::After(Position::new("0-1")));
    let error = done(world.broker.replay(&query)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn it_can_begin_at_a_time_or_a_message() {
    let world = World::new();
    world.store("a");
    world.advance(SECOND);
    let then = world.now();
    world.publish(message("b").priority(Priority::Low));
    world.store("c");
    world.advance(SECOND);
    world.store("d");
    assert_eq!(read(&world, StartFrom::Time(then), 10).0, ["b", "c", "d"]);
    assert_eq!(read(&world, StartFrom::Message(id("c")), 10).0, ["c", "d"]);
    assert!(read(&world, StartFrom::Latest, 10).0.is_empty());
    assert!(read(&world, StartFrom::Earliest, 0).0.is_empty());
    let query = ReplayQuery::new(topic(), StartFrom::Message(id("e")));
    let error = done(world.broker.replay(&query)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn there_is_nothing_to_read_in_no_topic() {
    let world = World::new();
    let query = ReplayQuery::new(topic(), StartFrom::Earliest);
    let error = done(world.broker.replay(&query)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
