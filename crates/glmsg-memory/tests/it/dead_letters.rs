//! Listing, redriving and purging dead letters.

use std::time::Duration;

use glmsg_broker::{
    Backend, DeadLetterQuery, DeadLetterSelector, Nack, PageToken, Published, ReplayQuery, Settled,
    StartFrom, TopicConfig,
};
use glmsg_core::{DeadLetterReason, ErrorKind, Original};

use crate::world::{Member, SECOND, World, done, group, id, message, texts, topic};

fn kill(member: &mut Member, reason: DeadLetterReason) {
    let delivery = member.one();
    member.nack(Nack::reject(delivery.token, reason, "no"));
}

fn three_dead() -> (World, Member) {
    let world = World::new();
    let mut a = world.join("g");
    world.store("x y z");
    kill(&mut a, DeadLetterReason::Rejected);
    kill(&mut a, DeadLetterReason::BadProvenance);
    kill(&mut a, DeadLetterReason::Rejected);
    (world, a)
}

#[test]
fn they_are_listed_in_pages_in_the_order_of_dying() {
    let (world, _a) = three_dead();
    let query = || DeadLetterQuery::new(topic(), group("g")).limit(2);
    let first = done(world.broker.dead_letters(&query())).unwrap();
    assert_eq!(
        first.items.iter().map(|d| d.id).collect::<Vec<_>>(),
        [id("x"), id("y")]
    );
    let next = query().after(first.next);
    let second = done(world.broker.dead_letters(&next)).unwrap();
    assert_eq!(second.items[0].id, id("z"));
    assert_eq!(second.next, None);
    let rejected = query().selector(DeadLetterSelector::Reason(DeadLetterReason::Rejected));
    let rejected = done(world.broker.dead_letters(&rejected)).unwrap();
    assert_eq!((rejected.items.len(), rejected.next), (2, None));
    let ids = query().selector(DeadLetterSelector::Ids(vec![id("y")]));
    assert_eq!(
        done(world.broker.dead_letters(&ids)).unwrap().items[0].id,
        id("y")
    );
    let foreign = query().after(Some(PageToken("x".into())));
    let error = done(world.broker.dead_letters(&foreign)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a_dead_letter_keeps_the_original() {
    let (world, _a) = three_dead();
    let dead = &world.dead("g")[0];
    assert_eq!(
        dead.original,
        Original::Message(dead.message().unwrap().clone())
    );
    assert_eq!((&dead.topic, &dead.group), (&topic(), &group("g")));
    assert!(dead.message().unwrap().verify().is_ok());
}

#[test]
fn redriving_begins_anew_in_stored_order_for_this_group_alone() {
    let (world, mut a) = three_dead();
    let mut other = world.join("other");
    assert_eq!(other.texts().len(), 3);
    world.store("w");
    let some = DeadLetterSelector::Ids(vec![id("z"), id("x"), id("nobody")]);
    let redriven = done(world.broker.redrive(&topic(), &group("g"), &some)).unwrap();
    assert_eq!(redriven, 2);
    let lag = world.lag("g");
    assert_eq!((lag.delayed, lag.dead_letters), (2, 1));
    let received = a.recv(10);
    assert_eq!(texts(&received), ["x", "z", "w"]);
    assert_eq!(received[0].attempt, 1);
    assert!(received[0].history.is_empty());
    assert!(other.texts().len() == 1, "the other group gets only w");
}

#[test]
fn of_many_who_redrive_one_wins() {
    let (world, mut a) = three_dead();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let broker = world.broker.clone();
            std::thread::spawn(move || {
                let all = DeadLetterSelector::All;
                done(broker.redrive(&topic(), &group("g"), &all)).unwrap()
            })
        })
        .collect();
    let redriven: u64 = threads.into_iter().map(|t| t.join().unwrap()).sum();
    assert_eq!(redriven, 3);
    assert_eq!(a.texts(), ["x", "y", "z"]);
}

#[test]
fn purged_ones_are_gone() {
    let (world, _a) = three_dead();
    let rejected = DeadLetterSelector::Reason(DeadLetterReason::Rejected);
    assert_eq!(
        done(world.broker.purge(&topic(), &group("g"), &rejected)).unwrap(),
        2
    );
    assert_eq!(world.dead("g").len(), 1);
    assert_eq!(world.redrive("g"), 1);
}

#[test]
fn they_are_dropped_when_they_are_too_old() {
    let world = World::with(TopicConfig::default().dead_letter_age(60 * SECOND));
    let mut a = world.join("g");
    world.store("x y");
    kill(&mut a, DeadLetterReason::Rejected);
    world.advance(SECOND);
    kill(&mut a, DeadLetterReason::Rejected);
    world.advance(59 * SECOND + Duration::from_micros(1));
    assert_eq!(world.dead("g")[0].id, id("y"));
    assert_eq!(done(world.broker.topics()).unwrap()[0].dead_letters, 1);
}

#[test]
fn one_whose_message_the_topic_has_dropped_comes_back_to_its_group_alone() {
    let world = World::with(TopicConfig::default().max_len(1));
    let mut a = world.join("g");
    world.store("x");
    kill(&mut a, DeadLetterReason::Rejected);
    world.store("y");
    let y = a.one();
    assert_eq!(world.redrive("g"), 1);
    let x = a.one();
    assert_eq!(texts(std::slice::from_ref(&x)), ["x"]);
    let stored = done(
        world
            .broker
            .replay(&ReplayQuery::new(topic(), StartFrom::Earliest)),
    );
    assert_eq!(stored.unwrap().len(), 1, "the topic has only y");
    assert_eq!(
        a.retry(&x, SECOND),
        Settled::Retried(world.now().after(SECOND))
    );
    world.advance(SECOND);
    let x = a.one();
    assert_eq!(x.attempt, 2);
    assert_eq!((a.ack(&x), a.ack(&y)), (Settled::Acked, Settled::Acked));
    assert_eq!(world.lag("g").total(), 0);
    assert!(matches!(world.publish(message("x")), Published::Stored));
}

#[test]
fn there_are_none_without_the_group() {
    let (world, _a) = three_dead();
    let all = DeadLetterSelector::All;
    let error = done(world.broker.redrive(&topic(), &group("h"), &all)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = done(world.broker.purge(&topic(), &group("h"), &all)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
