//! Closing: what was accepted is finished, everything else is told so.

use glmsg_broker::{BrokerExt, Published, StartFrom};
use glmsg_core::{ErrorKind, Message};

use crate::member::{Member, options, past_soon, received_ids};
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
            a_closed_subscription_strands_nothing,
            a_dropped_subscription_strands_nothing_for_long,
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
        error_kind("doctor", broker.doctor().await),
    ];
    assert_eq!(kinds, [ErrorKind::Closed; 7]);
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

/// Closing a subscription gives back at once what it had buffered, uncounted.
///
/// Promise 15
pub async fn a_closed_subscription_strands_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(50);
    store(&broker, &messages).await;
    let options = options("g").prefetch(40);
    let subscribed = within("a subscription", broker.subscribe(options)).await;
    let mut subscription = subscribed.expect("subscribes");
    let first = within("a delivery", subscription.recv()).await;
    first.expect("receives").ack().await.expect("acks");
    within("the close", subscription.close())
        .await
        .expect("closes");
    let now = lag(&broker, "g").await;
    assert_eq!(
        (now.in_flight, now.total()),
        (0, 49),
        "nothing waits for a lease"
    );
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(49).await;
    assert!(got.iter().all(|d| d.attempt == 1), "nothing was attempted");
    let mut found = received_ids(&got);
    found.sort();
    let mut expected = ids(&messages[1..]);
    expected.sort();
    assert_eq!(found, expected);
}

/// What a subscription held that was dropped without a goodbye comes again when its leases end.
///
/// Promise 2
pub async fn a_dropped_subscription_strands_nothing_for_long<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(20);
    store(&broker, &messages).await;
    let options = options("g").lease(F::soon());
    let subscribed = within("a subscription", broker.subscribe(options)).await;
    let mut subscription = subscribed.expect("subscribes");
    let held = within("deliveries", subscription.recv_batch(5)).await;
    drop(subscription);
    drop(held);
    let mut member = Member::join(&broker, "g").await;
    // Wherever it gave something back, that is here by now; the rest follows.
    f.pass(past_soon::<F>()).await;
    let taking = tokio::spawn(async move {
        let got = member.take(20).await;
        (member, received_ids(&got))
    });
    let (_, mut got) = within("all messages", taking).await.expect("no panic");
    got.sort();
    let mut expected = ids(&messages);
    expected.sort();
    assert_eq!(got, expected);
}
