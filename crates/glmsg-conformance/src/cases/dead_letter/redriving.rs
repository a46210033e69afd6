//! Giving dead letters back to their group.

use std::time::Duration;

use glmsg_broker::{DeadLetterSelector, Ordering, Settled};
use glmsg_core::{DeadLetterReason, MessageId};

use super::bury;
use crate::Fixture;
use crate::member::{Member, options, received_ids};
use crate::messages::{
    build, builder, dead_letters, group, ids, lag, message, numbered, only_dead_letter, redrive,
    store, topic,
};
use crate::patience::{begun, within};

/// A redriven message comes back once, with its attempts counted from zero and no history, and is
/// no dead letter any more.
///
/// Promise 7
pub async fn a_redriven_message_comes_back_once<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = build(builder("mended").header("tenant", "acme"));
    let mut member = bury(&broker, std::slice::from_ref(&sent)).await;
    let one = DeadLetterSelector::Ids(vec![sent.id()]);
    assert_eq!(redrive(&broker, "g", &one).await, 1);
    assert_eq!(dead_letters(&broker, "g").await, []);
    assert_eq!(redrive(&broker, "g", &one).await, 0, "it is gone by now");
    let again = member.next().await;
    assert_eq!(again.message, sent, "the same message, id included");
    assert_eq!((again.attempt, again.history.len()), (1, 0), "counted anew");
    member.ack(&again).await;
    member.expect_nothing(&broker).await;
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// A redrive gives back what is selected and leaves the rest.
///
/// Promise 7
pub async fn redriving_selects<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(5);
    let mut member = bury(&broker, &messages).await;
    let spent = build(builder("spent").max_retries(0));
    store(&broker, std::slice::from_ref(&spent)).await;
    let got = member.next().await;
    member.retry(&got, Duration::ZERO, "failed").await;
    let by_reason = DeadLetterSelector::Reason(DeadLetterReason::MaxRetries);
    assert_eq!(redrive(&broker, "g", &by_reason).await, 1);
    assert_eq!(member.next().await.message.id(), spent.id());
    let by_id = vec![messages[2].id(), MessageId::new()];
    assert_eq!(
        redrive(&broker, "g", &DeadLetterSelector::Ids(by_id)).await,
        1
    );
    assert_eq!(member.next().await.message.id(), messages[2].id());
    assert_eq!(redrive(&broker, "g", &DeadLetterSelector::All).await, 4);
    let mut rest = received_ids(&member.take(4).await);
    rest.sort();
    let mut expected = ids(&messages);
    expected.remove(2);
    expected.sort();
    assert_eq!(rest, expected);
}

/// A redrive concerns one group; the others, also those that acked the message, see nothing of it.
///
/// Promise 7
pub async fn a_redrive_is_for_its_group_alone<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut other = Member::join(&broker, "other").await;
    let sent = message("once for the other");
    let mut member = bury(&broker, std::slice::from_ref(&sent)).await;
    let got = other.next().await;
    other.ack(&got).await;
    assert_eq!(redrive(&broker, "g", &DeadLetterSelector::All).await, 1);
    assert_eq!(member.next().await.message.id(), sent.id());
    other.expect_nothing(&broker).await;
}

/// When several redrive the same dead letters at once, each dead letter is given back by one.
///
/// Promise 7
pub async fn of_several_redrives_one_counts<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(20);
    let mut member = bury(&broker, &messages).await;
    let mut redrives = Vec::new();
    for _ in 0..4 {
        let broker = f.broker().await;
        redrives.push(tokio::spawn(async move {
            redrive(&broker, "g", &DeadLetterSelector::All).await
        }));
    }
    let mut total = 0;
    for redrive in redrives {
        total += within("a redrive", redrive).await.expect("no panic");
    }
    assert_eq!(total, 20, "each counted by one of the four");
    let mut got = received_ids(&member.take(20).await);
    got.sort();
    let mut expected = ids(&messages);
    expected.sort();
    assert_eq!(got, expected, "each back once");
    member.expect_nothing(&broker).await;
}

/// Redrives that were begun and are not polled any more keep no other from its end.
pub async fn redrives_that_nobody_polls_hold_up_no_others<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(5);
    let mut member = bury(&broker, &messages).await;
    let (topic, group, all) = (topic(), group("g"), DeadLetterSelector::All);
    let mut left = Vec::new();
    for _ in 0..3 {
        left.extend(begun(broker.redrive(&topic, &group, &all)).await);
    }
    // What is not given back by now the others may give back yet.
    redrive(&broker, "g", &all).await;
    for call in left {
        within("a redrive", call).await.expect("redriving works");
    }
    let mut got = received_ids(&member.take(5).await);
    got.sort();
    let mut expected = ids(&messages);
    expected.sort();
    assert_eq!(got, expected, "each back once");
    member.expect_nothing(&broker).await;
}

/// A redriven message has all its attempts again, and becomes one dead letter again.
///
/// Promise 7
pub async fn a_redriven_message_may_die_again<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = build(builder("incurable").max_retries(1));
    let mut member = bury(&broker, std::slice::from_ref(&sent)).await;
    assert_eq!(redrive(&broker, "g", &DeadLetterSelector::All).await, 1);
    let first = member.next().await;
    let settled = member.retry(&first, Duration::ZERO, "first").await;
    assert!(matches!(settled, Settled::Retried(_)), "{settled:?}");
    let second = member.next().await;
    member.retry(&second, Duration::ZERO, "second").await;
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!((dead.attempts, dead.history.len()), (2, 2));
    assert_eq!(dead.reason, DeadLetterReason::MaxRetries);
}

/// A redriven message takes its old place in its key's order.
///
/// Promise 9
pub async fn a_redriven_message_waits_for_its_key<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages: Vec<_> = (0..3)
        .map(|n| build(builder(&n.to_string()).key("k")))
        .collect();
    store(&broker, &messages).await;
    let ordered = options("g").ordering(Ordering::PerKey);
    let mut member = Member::join_with(&broker, &ordered).await;
    let first = member.next().await;
    member.reject(&first, "bad").await;
    assert_eq!(redrive(&broker, "g", &DeadLetterSelector::All).await, 1);
    for sent in &messages {
        // However many are asked for, those behind it wait until it is done.
        let got = within("a receive", member.recv(100)).await;
        let got = got.expect("receiving works");
        assert_eq!(received_ids(&got), [sent.id()], "back at its old place");
        member.expect_nothing(&broker).await;
        member.ack_all(&got).await;
    }
}
