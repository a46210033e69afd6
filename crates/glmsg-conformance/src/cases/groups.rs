//! Groups: each gets every message, its members share them, and it can be managed.

use std::collections::HashSet;
use std::time::Duration;

use glmsg_broker::{
    DeadLetterQuery, DeadLetterSelector, GroupConfig, Ordering, ReplayQuery, StartFrom,
};
use glmsg_core::{ErrorKind, MemberName, MessageId};

use crate::member::{Member, options, received_ids};
use crate::messages::{
    build, builder, dead_letters, error_kind, group, ids, lag, message, named_topic, numbered,
    replay, store, topic,
};
use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! groups_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { groups ["groups.rs"] [
            every_group_gets_every_message,
            members_share_a_groups_messages,
            a_retry_goes_only_to_its_group,
            a_dead_letter_belongs_to_its_group,
            a_group_may_start_at_the_end,
            a_group_may_start_at_a_message,
            a_group_may_start_at_a_time (Replay),
            a_group_may_start_behind_a_position (Replay),
            a_group_cannot_start_at_an_unknown_message,
            a_scheduled_message_reaches_groups_made_before_it_is_due (Scheduling),
            an_existing_group_keeps_its_start,
            groups_are_created_once_and_listed,
            a_deleted_group_ends_its_subscriptions,
            a_group_made_anew_starts_anew,
            a_deleted_topic_ends_its_subscriptions,
            members_are_listed (Members),
            unknown_names_are_not_found,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    groups_cases!(__list)
}

/// Each of several groups gets every message.
///
/// Promise 4
pub async fn every_group_gets_every_message<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut early = Member::join(&broker, "early").await;
    let messages = numbered(20);
    store(&broker, &messages).await;
    let mut late = Member::join(&broker, "late").await;
    for member in [&mut early, &mut late] {
        let got = member.take(20).await;
        assert_eq!(received_ids(&got), ids(&messages));
        member.ack_all(&got).await;
    }
}

/// Members of a group share its messages: each goes to exactly one of them.
///
/// Promise 4
pub async fn members_share_a_groups_messages<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let (report, mut seen) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..4 {
        let mut member = Member::join(&f.broker().await, "g").await;
        let report = report.clone();
        tokio::spawn(async move {
            while let Ok(some) = member.recv(5).await {
                for got in &some {
                    let _ = report.send((got.message.id(), got.attempt));
                    member.ack(got).await;
                }
            }
        });
    }
    let messages = numbered(200);
    for part in messages.chunks(20) {
        store(&broker, part).await;
    }
    let mut got = HashSet::new();
    for n in 0..200 {
        let what = format!("message {n} of 200 at any member");
        let (id, attempt) = within(&what, seen.recv()).await.expect("members run");
        assert!(got.insert(id), "{id} was delivered to two members");
        assert_eq!(attempt, 1);
    }
    assert_eq!(got, ids(&messages).into_iter().collect());
}

/// A message that one group failed comes again to that group and to no other.
///
/// Promise 4
pub async fn a_retry_goes_only_to_its_group<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut failing = Member::join(&broker, "failing").await;
    let mut content = Member::join(&broker, "content").await;
    let sent = message("once more");
    store(&broker, std::slice::from_ref(&sent)).await;
    let got = content.next().await;
    content.ack(&got).await;
    let got = failing.next().await;
    failing.retry(&got, Duration::ZERO, "failed").await;
    let again = failing.next().await;
    assert_eq!((again.message.id(), again.attempt), (sent.id(), 2));
    content.expect_nothing(&broker).await;
}

/// A dead letter of one group is none of another, and is still delivered there.
///
/// Promise 4
pub async fn a_dead_letter_belongs_to_its_group<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut refusing = Member::join(&broker, "refusing").await;
    let mut content = Member::join(&broker, "content").await;
    let sent = message("a matter of taste");
    store(&broker, std::slice::from_ref(&sent)).await;
    let got = refusing.next().await;
    refusing.reject(&got, "no").await;
    assert_eq!(dead_letters(&broker, "refusing").await.len(), 1);
    assert_eq!(dead_letters(&broker, "content").await, []);
    let got = content.next().await;
    assert_eq!((got.message.id(), got.attempt), (sent.id(), 1));
}

/// A group that starts at the end gets what is published from then on.
pub async fn a_group_may_start_at_the_end<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(5)).await;
    let mut member = Member::join_with(&broker, &options("g").start(StartFrom::Latest)).await;
    assert_eq!(
        lag(&broker, "g").await.total(),
        0,
        "what was before counts as done"
    );
    let new = message("new");
    store(&broker, std::slice::from_ref(&new)).await;
    assert_eq!(member.next().await.message.id(), new.id());
}

/// A group that starts at a message gets that one and everything behind it.
///
/// Promise 12
pub async fn a_group_may_start_at_a_message<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(6);
    store(&broker, &messages).await;
    let start = StartFrom::Message(messages[2].id());
    let mut member = Member::join_with(&broker, &options("g").start(start)).await;
    let got = member.take(4).await;
    assert_eq!(received_ids(&got), ids(&messages[2..]));
    assert_eq!(lag(&broker, "g").await.total(), 4);
}

/// A group that starts at a time gets what was stored then or later.
///
/// Promise 12
pub async fn a_group_may_start_at_a_time<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let old = numbered(3);
    store(&broker, &old).await;
    f.pass(Duration::from_millis(10)).await;
    let new = numbered(3);
    store(&broker, &new).await;
    let at = replay(&broker, StartFrom::Message(new[0].id())).await[0].stored_at;
    let start = StartFrom::Time(at);
    let mut member = Member::join_with(&broker, &options("g").start(start)).await;
    assert_eq!(received_ids(&member.take(3).await), ids(&new));
    assert_eq!(lag(&broker, "g").await.total(), 3);
}

/// A group that starts behind a position of a replay gets what comes after it.
///
/// Promise 12
pub async fn a_group_may_start_behind_a_position<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(5);
    store(&broker, &messages).await;
    let position = replay(&broker, StartFrom::Earliest).await[1]
        .position
        .clone();
    let start = StartFrom::After(position);
    let mut member = Member::join_with(&broker, &options("g").start(start)).await;
    assert_eq!(received_ids(&member.take(3).await), ids(&messages[2..]));
    assert_eq!(lag(&broker, "g").await.total(), 3);
}

/// A group cannot start at a message that the topic does not hold; it is then not created.
pub async fn a_group_cannot_start_at_an_unknown_message<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("known")]).await;
    let start = StartFrom::Message(MessageId::new());
    let joined = broker.open_source(&options("g").start(start.clone())).await;
    assert_eq!(error_kind("subscribing", joined), ErrorKind::NotFound);
    let config = GroupConfig::default().start(start);
    let created = broker.create_group(&topic(), &group("g"), &config).await;
    assert_eq!(error_kind("creating", created), ErrorKind::NotFound);
    assert_eq!(broker.groups(&topic()).await.expect("a list"), []);
}

/// A scheduled message reaches every group that exists when it becomes due, wherever the group
/// started.
///
/// Promise 6
pub async fn a_scheduled_message_reaches_groups_made_before_it_is_due<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let delay = Duration::from_secs(1);
    let later = build(builder("later").delay(delay));
    store(&broker, std::slice::from_ref(&later)).await;
    let mut first = Member::join(&broker, "first").await;
    let mut second = Member::join_with(&broker, &options("second").start(StartFrom::Latest)).await;
    f.pass(delay).await;
    for member in [&mut first, &mut second] {
        assert_eq!(member.next().await.message.id(), later.id());
    }
}

/// Joining an existing group with another start changes nothing.
pub async fn an_existing_group_keeps_its_start<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let config = GroupConfig::default().start(StartFrom::Latest);
    store(&broker, &numbered(3)).await;
    let created = broker.create_group(&topic(), &group("g"), &config).await;
    created.expect("a new group");
    let mut member = Member::join_with(&broker, &options("g").start(StartFrom::Earliest)).await;
    member.expect_nothing(&broker).await;
}

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
    let deleted = broker.delete_topic(&topic()).await;
    deleted.expect("an existing topic can be deleted");
    let ended = within("the end of its subscription", waiting).await;
    assert_eq!(
        error_kind("receiving", ended.expect("no panic")),
        ErrorKind::NotFound
    );
    assert_eq!(broker.topics().await.expect("a list"), []);
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
