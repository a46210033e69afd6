//! Publishing the same message again.

use glmsg_broker::{Backend, Published, TopicConfig};
use glmsg_core::{Message, MessageId, Priority};

use crate::world::{World, done, message, topic};

#[test]
fn a_message_is_in_a_topic_once_whatever_its_priority_says() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("x");
    let again = world.publish(message("x"));
    assert!(matches!(again, Published::Duplicate) && again.is_stored());
    let again = world.publish(message("x").priority(Priority::High));
    assert!(matches!(again, Published::Duplicate));
    let held = a.recv(10);
    assert_eq!(held.len(), 1);
    a.ack(&held[0]);
    assert!(matches!(world.publish(message("x")), Published::Duplicate));
}

#[test]
fn within_one_call_too() {
    let world = World::new();
    let x = message("x").build().unwrap();
    let outcomes = world.publish_all(&[x.clone(), x]);
    assert!(matches!(
        outcomes[..],
        [Published::Stored, Published::Duplicate]
    ));
}

#[test]
fn once_it_is_dropped_it_can_be_published_again() {
    let world = World::with(TopicConfig::default().max_len(1));
    let mut a = world.join("g");
    world.store("x");
    let held = a.one();
    a.ack(&held);
    world.store("y");
    let held = a.one();
    a.ack(&held);
    world.store("x");
    assert_eq!(a.texts(), ["x"]);
}

#[test]
fn the_same_id_can_be_in_two_topics() {
    let world = World::new();
    let x = message("x");
    world.publish(x);
    let other = message("x").topic("u".try_into().unwrap());
    assert!(matches!(world.publish(other), Published::Stored));
}

#[test]
fn ids_in_any_order_are_told_apart() {
    let world = World::with(TopicConfig::default().max_len(200));
    let mut a = world.join("g");
    // A walk that visits each of 0..1009 once, up and down.
    let id = |n: u32| {
        let mut bytes = [0; 16];
        bytes[12..].copy_from_slice(&(n * 577 % 1009).to_be_bytes());
        MessageId::from_bytes(bytes)
    };
    let build = |n: u32| {
        let lane = Priority::from_u8((n % 4) as u8).unwrap();
        Message::builder("t")
            .id(id(n))
            .priority(lane)
            .build()
            .unwrap()
    };
    for n in 0..1009 {
        let fresh = build(n);
        let outcomes = world.publish_all(&[fresh.clone(), fresh]);
        assert!(
            matches!(outcomes[..], [Published::Stored, Published::Duplicate]),
            "{n}: {outcomes:?}"
        );
        for delivery in a.recv(10) {
            a.ack(&delivery);
        }
        if n >= 100 {
            let recent = world.publish_all(&[build(n - 100), build(n - 37)]);
            assert!(matches!(
                recent[..],
                [Published::Duplicate, Published::Duplicate]
            ));
        }
    }
    let info = done(world.broker.topics()).unwrap();
    assert_eq!((&info[0].name, info[0].messages), (&topic(), 200));
}
