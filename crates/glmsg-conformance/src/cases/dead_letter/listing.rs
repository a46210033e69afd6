//! What a dead letter holds, and how one finds and purges it.

use std::time::Duration;

use glmsg_broker::{DeadLetterQuery, DeadLetterSelector, TopicConfig};
use glmsg_core::{AttemptOutcome, DeadLetterReason, MessageId};

use super::bury;
use crate::Fixture;
use crate::member::{Member, past_soon};
use crate::messages::{
    build, builder, dead_letters, group, ids, lag, message, named_topic, numbered, store, topic,
};
use crate::patience::within;

/// A dead letter holds the original, the group, the reason, the last error, the number of attempts
/// and their history.
///
/// Promise 7
pub async fn a_dead_letter_is_complete<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = build(builder("payload").header("tenant", "acme").key("k"));
    store(&broker, std::slice::from_ref(&sent)).await;
    let mut member = Member::join(&broker, "g").await;
    let first = member.next().await;
    member.retry(&first, Duration::ZERO, "first failure").await;
    let second = member.next().await;
    member.reject(&second, "beyond hope").await;
    let dead = dead_letters(&broker, "g").await.remove(0);
    assert_eq!(dead.id, sent.id());
    assert_eq!((dead.topic, dead.group), (topic(), group("g")));
    assert_eq!(dead.original, glmsg_core::Original::Message(sent.clone()));
    sent.verify().expect("its provenance still verifies");
    assert_eq!(dead.reason, DeadLetterReason::Rejected);
    assert_eq!(&*dead.detail, "beyond hope");
    assert_eq!(dead.attempts, 2);
    let history: Vec<_> = dead
        .history
        .attempts()
        .iter()
        .map(|a| (a.number, a.outcome, &*a.error))
        .collect();
    assert_eq!(
        history,
        [
            (1, AttemptOutcome::Failed, "first failure"),
            (2, AttemptOutcome::Rejected, "beyond hope"),
        ]
    );
    let ended = dead.history.last().expect("two attempts").at;
    assert_eq!(dead.dead_at, ended, "it died when the last attempt ended");
}

/// Dead letters are listed in the order they died in, page by page, each once.
///
/// Promise 7
pub async fn dead_letters_are_listed_in_order_and_pages<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(25);
    let _member = bury(&broker, &messages).await;
    let mut listed = Vec::new();
    let mut after = None;
    for page in 0.. {
        let query = DeadLetterQuery::new(topic(), group("g"))
            .limit(10)
            .after(after);
        let found = within("a page", broker.dead_letters(&query)).await;
        let found = found.expect("a page");
        assert!(found.items.len() <= 10, "a page of at most ten");
        listed.extend(found.items.iter().map(|d| d.id));
        after = found.next;
        if after.is_none() {
            break;
        }
        assert!(page < 10, "the pages have no end");
    }
    assert_eq!(listed, ids(&messages));
}

/// Dead letters can be asked for by id and by reason.
///
/// Promise 7
pub async fn dead_letters_are_selected<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(4);
    let mut member = bury(&broker, &messages).await;
    let spent = build(builder("spent").max_retries(0));
    store(&broker, std::slice::from_ref(&spent)).await;
    let got = member.next().await;
    member.retry(&got, Duration::ZERO, "failed").await;
    let select = async |selector: DeadLetterSelector| -> Vec<MessageId> {
        let query = DeadLetterQuery::new(topic(), group("g")).selector(selector);
        let page = broker.dead_letters(&query).await.expect("a page");
        page.items.iter().map(|d| d.id).collect()
    };
    let two = vec![messages[3].id(), messages[1].id(), MessageId::new()];
    let found = select(DeadLetterSelector::Ids(two)).await;
    assert_eq!(
        found,
        [messages[1].id(), messages[3].id()],
        "by id, in order"
    );
    let found = select(DeadLetterSelector::Reason(DeadLetterReason::MaxRetries)).await;
    assert_eq!(found, [spent.id()]);
    let found = select(DeadLetterSelector::Reason(DeadLetterReason::Expired)).await;
    assert_eq!(found, []);
}

/// Purging deletes what is selected, says how many, and leaves the group's other messages alone.
///
/// Promise 7
pub async fn dead_letters_are_purged<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(5);
    let mut member = bury(&broker, &messages).await;
    let alive = message("alive");
    store(&broker, std::slice::from_ref(&alive)).await;
    let (topic, name) = (topic(), group("g"));
    let two = DeadLetterSelector::Ids(vec![messages[0].id(), messages[4].id()]);
    assert_eq!(broker.purge(&topic, &name, &two).await.expect("works"), 2);
    assert_eq!(broker.purge(&topic, &name, &two).await.expect("works"), 0);
    let left = dead_letters(&broker, "g").await;
    let left: Vec<_> = left.iter().map(|d| d.id).collect();
    assert_eq!(left, ids(&messages[1..4]));
    let all = DeadLetterSelector::All;
    assert_eq!(broker.purge(&topic, &name, &all).await.expect("works"), 3);
    assert_eq!(lag(&broker, "g").await.dead_letters, 0);
    assert_eq!(member.next().await.message.id(), alive.id());
    member.expect_nothing(&broker).await;
}

/// A dead letter is kept as long as its topic says, each counted from its own death.
///
/// Promise 7
pub async fn old_dead_letters_are_dropped<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let config = TopicConfig::default().dead_letter_age(F::soon());
    let created = broker.create_topic(&topic(), &config).await;
    created.expect("a topic with bounds");
    let mut member = Member::join(&broker, "g").await;
    store(&broker, &[message("old")]).await;
    let got = member.next().await;
    member.reject(&got, "bad").await;
    // A topic of the usual bounds keeps its own.
    let keeping = named_topic("keeping");
    let other = glmsg_broker::SubscribeOptions::new(&keeping, "g").expect("valid options");
    let mut elsewhere = Member::join_with(&broker, &other).await;
    let kept = message("kept").to_builder().topic(keeping.clone());
    store(&broker, &[build(kept)]).await;
    let got = elsewhere.next().await;
    elsewhere.reject(&got, "bad").await;
    f.pass(past_soon::<F>()).await;
    assert_eq!(dead_letters(&broker, "g").await, [], "past their age");
    assert_eq!(lag(&broker, "g").await.dead_letters, 0);
    let query = DeadLetterQuery::new(keeping, group("g"));
    let kept = broker.dead_letters(&query).await.expect("a page");
    assert_eq!(kept.items.len(), 1, "kept for 30 days by default");
}
