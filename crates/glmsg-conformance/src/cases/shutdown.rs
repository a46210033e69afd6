//! Closing: what was accepted is finished, everything else is told so.

use glmsg_broker::{Published, StartFrom};
use glmsg_core::{ErrorKind, Message};

use crate::member::{Member, options, received_ids};
use crate::messages::{
    error_kind, group, ids, lag, message, numbered, replay, replayed_ids, store, topic,
};
use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! shutdown_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { shutdown ["shutdown.rs"] [
            a_closed_broker_refuses_everything,
            closing_ends_waiting_subscriptions,
            closing_twice_is_no_error,
            closing_finishes_what_was_accepted (Reopen Replay),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    shutdown_cases!(__list)
}

/// After `close`, every call is refused with `Closed`, and the health says so.
///
/// Promise 15
pub async fn a_closed_broker_refuses_everything<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("before")]).await;
    let mut member = Member::join(&broker, "g").await;
    let held = member.next().await;
    within("the close", broker.close()).await.expect("closes");
    use glmsg_broker::Settler;
    let kinds = [
        error_kind("publish", broker.publish(&[message("late")]).await),
        error_kind("subscribe", broker.open_source(&options("g")).await),
        error_kind("topics", broker.topics().await),
        error_kind("lag", broker.lag(&topic(), &group("g")).await),
        error_kind("recv", within("recv", member.recv(1)).await),
        error_kind("ack", member.settler.ack(&[held.token]).await),
    ];
    assert_eq!(kinds, [ErrorKind::Closed; 6]);
    let health = broker.health().await;
    assert_eq!(
        health.status,
        glmsg_broker::HealthStatus::Unhealthy,
        "a closed broker can neither store nor deliver"
    );
}

/// A member that waits in `recv` is ended with `Closed`.
///
/// Promise 15
pub async fn closing_ends_waiting_subscriptions<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut member = Member::join(&broker, "g").await;
        waiting.push(tokio::spawn(async move { member.recv(1).await }));
    }
    tokio::task::yield_now().await;
    within("the close", broker.close()).await.expect("closes");
    for member in waiting {
        let ended = within("the end of a subscription", member).await;
        let kind = error_kind("recv", ended.expect("no panic"));
        assert_eq!(kind, ErrorKind::Closed);
    }
}

/// A second `close` does nothing.
pub async fn closing_twice_is_no_error<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("before")]).await;
    within("the close", broker.close()).await.expect("closes");
    within("the second close", broker.close())
        .await
        .expect("a second close does nothing");
}

/// A publish that runs into the close is either stored for good or refused, never reported stored
/// and lost.
///
/// Promise 15
pub async fn closing_finishes_what_was_accepted<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("first")]).await;
    let (begun, mut beginning) = tokio::sync::mpsc::unbounded_channel();
    let mut publishers = Vec::new();
    for _ in 0..4 {
        let (broker, begun) = (broker.clone(), begun.clone());
        publishers.push(tokio::spawn(async move {
            let mut stored: Vec<Message> = Vec::new();
            loop {
                let batch = numbered(3);
                match broker.publish(&batch).await {
                    Ok(outcomes) => {
                        assert!(outcomes.iter().all(|o| matches!(o, Published::Stored)));
                        stored.extend(batch);
                    }
                    Err(error) => break (stored, error.kind()),
                }
                let _ = begun.send(());
            }
        }));
    }
    for _ in 0..12 {
        within("the publishers", beginning.recv()).await;
    }
    within("the close", broker.close()).await.expect("closes");
    let mut expected = Vec::new();
    for publisher in publishers {
        let (stored, kind) = within("a publisher", publisher).await.expect("no panic");
        assert_eq!(kind, ErrorKind::Closed);
        expected.extend(ids(&stored));
    }
    drop(broker);
    let broker = f.reopen().await;
    let found = replayed_ids(&replay(&broker, StartFrom::Earliest).await);
    let lost = expected.iter().filter(|id| !found.contains(id)).count();
    assert_eq!(lost, 0, "of {} reported stored", expected.len());
}
