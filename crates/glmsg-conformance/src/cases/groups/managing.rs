//! Creating, listing and deleting groups and topics.

use glmsg_broker::{
    DeadLetterQuery, DeadLetterSelector, GroupConfig, Ordering, ReplayQuery, StartFrom,
};
use glmsg_core::{ErrorKind, MemberName};

use crate::Fixture;
use crate::member::{Member, options, received_ids};
use crate::messages::{
    dead_letters, error_kind, group, ids, message, named_topic, numbered, store, topic,
};
use crate::patience::within;

/// A group is created once, with its topic, and both are listed by name.
pub async fn groups_are_created_once_and_listed<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let config = GroupConfig::default();
    for name in ["zebra", "ant"] {
        let created = broker.create_group(&topic(), &group(name), &config).await;
        created.expect("a new group");
    }
    let again = broker.create_group(&topic(), &group("ant"), &config).await;
    assert_eq!(
        error_kind("creating it again", again),
        ErrorKind::AlreadyExists
    );
    let listed = broker.groups(&topic()).await.expect("a list");
    let names: Vec<_> = listed.iter().map(|g| g.name.as_str()).collect();
    assert_eq!(names, ["ant", "zebra"], "by name");
    assert!(listed.iter().all(|g| g.topic == topic() && g.members == 0));
    assert!(listed.iter().all(|g| g.ordering == Ordering::None));
    store(&broker, &[message("counted")]).await;
    let topics = broker.topics().await.expect("a list");
    assert_eq!(topics.len(), 1, "one topic: {topics:?}");
    assert_eq!((topics[0].messages, topics[0].groups), (1, 2));
}

/// Deleting a group ends its subscriptions with `NotFound`; other groups go on.
pub async fn a_deleted_group_ends_its_subscriptions<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut gone = Member::join(&broker, "gone").await;
    let mut stays = Member::join(&broker, "stays").await;
    let waiting = tokio::spawn(async move { gone.recv(1).await });
    let deleted = broker.delete_group(&topic(), &group("gone")).await;
    deleted.expect("an existing group can be deleted");
    let ended = within("the end of its subscription", waiting).await;
    assert_eq!(
        error_kind("receiving", ended.expect("no panic")),
        ErrorKind::NotFound
    );
    stays.expect_nothing(&broker).await;
    let again = broker.delete_group(&topic(), &group("gone")).await;
    assert_eq!(error_kind("deleting it again", again), ErrorKind::NotFound);
}

/// A group made again after its deletion remembers nothing: no acks, no attempts, no dead letters.
pub async fn a_group_made_anew_starts_anew<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(3);
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(3).await;
    member.ack(&got[0]).await;
    member.reject(&got[1], "bad").await;
    drop(member);
    let deleted = broker.delete_group(&topic(), &group("g")).await;
    deleted.expect("an existing group can be deleted");
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(3).await;
    assert_eq!(received_ids(&got), ids(&messages), "all from the start");
    assert!(got.iter().all(|d| d.attempt == 1 && d.history.is_empty()));
    assert_eq!(dead_letters(&broker, "g").await, []);
}

/// Deleting a topic removes its messages and groups and ends its subscriptions with `NotFound`.
pub async fn a_deleted_topic_ends_its_subscriptions<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(3)).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(3).await;
    member.reject(&got[0], "bad").await;
    let waiting = tokio::spawn(async move { member.recv(1).await });
    assert_eq!(broker.topic_names().await.expect("names"), [topic()]);
    let deleted = broker.delete_topic(&topic()).await;
    deleted.expect("an existing topic can be deleted");
    let ended = within("the end of its subscription", waiting).await;
    assert_eq!(
        error_kind("receiving", ended.expect("no panic")),
        ErrorKind::NotFound
    );
    assert_eq!(broker.topics().await.expect("a list"), []);
    assert_eq!(broker.topic_names().await.expect("names"), []);
    let again = broker.delete_topic(&topic()).await;
    assert_eq!(error_kind("deleting it again", again), ErrorKind::NotFound);
    let new = message("new");
    store(&broker, std::slice::from_ref(&new)).await;
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(member.next().await.message.id(), new.id(), "a topic anew");
}

/// The members of a group are listed by name with what they hold, and are gone when they leave.
pub async fn members_are_listed<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let named = |name: &str| options("g").member(MemberName::new(name).expect("a valid name"));
    let mut bee = Member::join_with(&broker, &named("bee")).await;
    let ant = Member::join_with(&broker, &named("ant")).await;
    store(&broker, &numbered(3)).await;
    let got = bee.take(3).await;
    bee.ack(&got[0]).await;
    let listed = within("the members", broker.members(&topic(), &group("g"))).await;
    let listed = listed.expect("a list");
    let found: Vec<_> = listed
        .iter()
        .map(|m| (m.name.as_str(), m.pending))
        .collect();
    assert_eq!(found, [("ant", 0), ("bee", 2)]);
    drop(ant);
    crate::patience::until("the member that left to be off the list", || async {
        let listed = broker.members(&topic(), &group("g")).await;
        listed.expect("a list").len() == 1
    })
    .await;
}

/// Questions about a topic or group that does not exist are answered with `NotFound`, and create
/// nothing.
pub async fn unknown_names_are_not_found<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("exists")]).await;
    let all = DeadLetterSelector::All;
    for (topic, name) in [(named_topic("nowhere"), "g"), (topic(), "nobody")] {
        let name = group(name);
        let query = DeadLetterQuery::new(topic.clone(), name.clone());
        let kinds = [
            error_kind("lag", broker.lag(&topic, &name).await),
            error_kind("dead_letters", broker.dead_letters(&query).await),
            error_kind("redrive", broker.redrive(&topic, &name, &all).await),
            error_kind("purge", broker.purge(&topic, &name, &all).await),
            error_kind("delete_group", broker.delete_group(&topic, &name).await),
        ];
        assert_eq!(kinds, [ErrorKind::NotFound; 5], "of {topic} and {name}");
        if F::capability().members {
            let kind = error_kind("members", broker.members(&topic, &name).await);
            assert_eq!(kind, ErrorKind::NotFound);
        }
    }
    let nowhere = named_topic("nowhere");
    let kind = error_kind("groups", broker.groups(&nowhere).await);
    assert_eq!(kind, ErrorKind::NotFound);
    if F::capability().replay {
        let query = ReplayQuery::new(nowhere, StartFrom::Earliest);
        let kind = error_kind("replay", broker.replay(&query).await);
        assert_eq!(kind, ErrorKind::NotFound);
    }
    assert_eq!(broker.topics().await.expect("a list").len(), 1);
}
