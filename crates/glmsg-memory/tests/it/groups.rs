//! Groups, members, lag, and managing them.

use glmsg_broker::{
    Backend, GroupConfig, HealthStatus, Ordering, Settled, StartFrom, SubscribeOptions, TopicConfig,
};
use glmsg_core::{ErrorKind, MemberName, TopicName};

use crate::world::{LEASE, SECOND, World, done, group, message, topic};

#[test]
fn every_group_gets_every_message_and_members_share_them() {
    let world = World::new();
    let (mut a1, mut a2, mut b) = (world.join("a"), world.join("a"), world.join("b"));
    world.store("1 2 3 4");
    let (first, second) = (a1.recv(2), a2.recv(10));
    assert_eq!((first.len(), second.len(), b.recv(10).len()), (2, 2, 4));
    a1.retry(&first[0], SECOND);
    world.advance(SECOND);
    assert!(
        b.texts().is_empty(),
        "a retry goes only to the group that failed it"
    );
    assert_eq!(a2.texts(), ["1"]);
}

#[test]
fn tokens_of_one_group_mean_nothing_to_another() {
    let world = World::new();
    let (mut a, mut b) = (world.join("a"), world.join("b"));
    world.store("1");
    let (one, other) = (a.one(), b.one());
    assert_eq!(b.ack(&one), Settled::Stale);
    assert_eq!(a.ack(&other), Settled::Stale);
    assert_eq!(
        (a.ack(&one), b.ack(&other)),
        (Settled::Acked, Settled::Acked)
    );
}

#[test]
fn a_group_has_one_ordering() {
    let world = World::new();
    world.join_per_key("g");
    let error = world.subscribe(&World::options("g")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let wrong = World::options("h").lease(SECOND / 100);
    let error = world.subscribe(&wrong).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn groups_are_created_once_and_listed_by_name() {
    let world = World::new();
    let config = GroupConfig::default().ordering(Ordering::PerKey);
    let create = |name: &str| done(world.broker.create_group(&topic(), &group(name), &config));
    create("b").unwrap();
    world.advance(SECOND);
    create("a").unwrap();
    assert_eq!(create("a").unwrap_err().kind(), ErrorKind::AlreadyExists);
    let groups = done(world.broker.groups(&topic())).unwrap();
    let names: Vec<_> = groups.iter().map(|g| g.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(groups[0].ordering, Ordering::PerKey);
    assert_eq!(groups[0].created_at, world.now());
    let start = GroupConfig::default().start(StartFrom::Message(crate::world::id("no")));
    let error = done(world.broker.create_group(&topic(), &group("c"), &start)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn members_are_those_subscribed_now() {
    let world = World::new();
    let named = |name: &str| -> SubscribeOptions {
        World::options("g").member(MemberName::new(name).unwrap())
    };
    let mut b = world.subscribe(&named("b")).unwrap();
    let a = world.subscribe(&named("a")).unwrap();
    let a_again = world.subscribe(&named("a")).unwrap();
    world.store("x y");
    world.advance(SECOND);
    b.recv(2);
    let members = done(world.broker.members(&topic(), &group("g"))).unwrap();
    let seen: Vec<_> = members
        .iter()
        .map(|m| (m.name.as_str(), m.pending))
        .collect();
    assert_eq!(seen, [("a", 0), ("b", 2)]);
    assert_eq!(members[1].seen_at, world.now());
    assert_eq!(world.now().since(members[0].seen_at), SECOND);
    drop(a);
    assert_eq!(done(world.broker.groups(&topic())).unwrap()[0].members, 2);
    drop((a_again, b));
    assert_eq!(done(world.broker.groups(&topic())).unwrap()[0].members, 0);
}

#[test]
fn lag_counts_by_state() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("1 2 3 4 5");
    world.publish(message("6").max_retries(0));
    world.advance(7 * SECOND);
    world.store("7");
    let held = a.recv(6);
    a.ack(&held[0]);
    a.retry(&held[1], SECOND);
    a.retry(&held[5], SECOND);
    let lag = world.lag("g");
    assert_eq!(
        (
            lag.undelivered,
            lag.in_flight,
            lag.delayed,
            lag.dead_letters
        ),
        (1, 3, 1, 1)
    );
    assert_eq!((lag.total(), lag.oldest_age), (5, Some(7 * SECOND)));
    world.advance(LEASE);
    assert_eq!(
        world.lag("g").in_flight,
        3,
        "whether or not the deadline has passed"
    );
    for delivery in a.recv(10) {
        a.ack(&delivery);
    }
    let lag = world.lag("g");
    assert_eq!((lag.total(), lag.oldest_age), (0, None));
    let error = done(world.broker.lag(&topic(), &group("h"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn deleting_a_group_ends_its_subscriptions() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("x");
    let held = a.one();
    done(world.broker.delete_group(&topic(), &group("g"))).unwrap();
    assert_eq!(a.try_recv(1).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(a.ack(&held), Settled::Stale);
    let mut anew = world.join("g");
    assert_eq!(anew.texts(), ["x"], "a group of the same name is another");
    assert_eq!(a.try_recv(1).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(a.ack(&held), Settled::Stale);
    drop(a);
    assert_eq!(done(world.broker.groups(&topic())).unwrap()[0].members, 1);
    let again = done(world.broker.delete_group(&topic(), &group("h")));
    assert_eq!(again.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn deleting_a_topic_takes_everything_along() {
    let world = World::new();
    let mut a = world.join("g");
    world.store("x");
    done(world.broker.delete_topic(&topic())).unwrap();
    assert_eq!(a.try_recv(1).unwrap_err().kind(), ErrorKind::NotFound);
    let again = done(world.broker.delete_topic(&topic()));
    assert_eq!(again.unwrap_err().kind(), ErrorKind::NotFound);
    world.store("x");
    assert!(done(world.broker.groups(&topic())).unwrap().is_empty());
    assert_eq!(a.try_recv(1).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn topics_are_listed_by_name_with_what_they_hold() {
    let world = World::new();
    let other = TopicName::new("a").unwrap();
    let bounds = TopicConfig::default().max_len(5);
    done(world.broker.create_topic(&other, &bounds)).unwrap();
    world.store("x");
    world.publish(message("y").delay(SECOND));
    world.join("g");
    let topics = done(world.broker.topics()).unwrap();
    assert_eq!((&topics[0].name, &topics[0].config), (&other, &bounds));
    let t = &topics[1];
    assert_eq!(
        (t.messages, t.scheduled, t.groups, t.dead_letters),
        (2, 1, 1, 0)
    );
    let health = done(world.broker.health());
    assert_eq!(health.status, HealthStatus::Healthy);
    assert!(health.details.contains(&("messages", "2".to_owned())));
}
