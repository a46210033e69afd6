//! Every group gets every message; its members share them.

use std::collections::HashSet;
use std::time::Duration;

use crate::Fixture;
use crate::member::{Member, options, received_ids};
use crate::messages::{dead_letters, ids, message, numbered, store};
use crate::patience::{another_runtime, begun, within};

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

/// Subscriptions that were begun and are not polled any more keep no other of their group from its
/// messages.
pub async fn joins_that_nobody_polls_hold_up_no_others<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let options = options("g");
    let mut left = Vec::new();
    for _ in 0..3 {
        left.extend(begun(broker.open_source(&options)).await);
    }
    let mut member = Member::join(&broker, "g").await;
    let messages = numbered(5);
    store(&broker, &messages).await;
    let got = member.take(5).await;
    assert_eq!(received_ids(&got), ids(&messages));
    member.ack_all(&got).await;
    for call in left {
        within("a subscription", call)
            .await
            .expect("subscribing works");
    }
}

/// The runtime of a member may end, while others of its process go on: they receive, or are told that
/// they are to join again, and never wait for ever.
pub async fn a_member_that_ends_with_its_runtime_holds_up_no_others<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let runtime = another_runtime();
    let (first, options) = (broker.clone(), options("g"));
    let joined = runtime.spawn(async move { first.open_source(&options).await });
    let joined = within("a subscription", joined).await.expect("no panic");
    let ended = joined.expect("subscribing works");
    let mut member = Member::join(&broker, "g").await;
    runtime.shutdown_background();
    let messages = numbered(5);
    store(&broker, &messages).await;
    let mut seen = HashSet::new();
    within("each message", async {
        while seen.len() < 5 {
            match member.recv(5).await {
                Ok(got) => {
                    seen.extend(received_ids(&got));
                    member.ack_all(&got).await;
                }
                Err(_) => member = Member::join(&broker, "g").await,
            }
        }
    })
    .await;
    assert_eq!(seen, ids(&messages).into_iter().collect());
    drop(ended);
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
