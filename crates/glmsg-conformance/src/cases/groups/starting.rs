//! Where a group begins.

use std::time::Duration;

use glmsg_broker::{GroupConfig, StartFrom};
use glmsg_core::{ErrorKind, MessageId};

use crate::Fixture;
use crate::member::{Member, options, received_ids};
use crate::messages::{
    build, builder, error_kind, group, ids, lag, message, numbered, replay, store, topic,
};

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
    let delay = 10 * F::soon();
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
