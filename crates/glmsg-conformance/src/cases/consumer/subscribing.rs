//! The conveniences over the contract: subscriptions, sending, streaming a replay.

use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use glmsg_broker::{BrokerExt, Delivery, Requeue, Settled, StartFrom};

use glmsg_core::DeadLetterReason;

use super::keep_time;
use crate::Fixture;
use crate::member::{Member, options};
use crate::messages::{dead_letters, ids, lag, message, numbered, store, topic};
use crate::patience::within;
use crate::watch::Watch;

/// A subscription renews what was handed out and is still held, so a slow user keeps it.
///
/// Promise 3
pub async fn a_subscription_renews_what_it_holds<F: Fixture>(f: F) {
    let f = Arc::new(f);
    let _time = keep_time(&f);
    let (broker, watch) = Watch::over(f.broker().await);
    store(&broker, &numbered(3)).await;
    let lease = Duration::from_secs(2);
    let subscribed = broker.subscribe(options("g").lease(lease)).await;
    let mut subscription = subscribed.expect("subscribes");
    let held = within("deliveries", subscription.recv_batch(3)).await;
    let held = held.expect("receives");
    let mut other = Member::join(&f.broker().await, "g").await;
    let n = held.len();
    // A lease is renewed three times in its length, so nine renewals are three lengths.
    watch
        .until("nine renewals of what is held", |seen| {
            seen.extended.values().filter(|times| **times >= 9).count() >= n
        })
        .await;
    for delivery in held {
        let settled = delivery.ack().await.expect("acking works");
        assert_eq!(settled, Settled::Acked, "it was held all the time");
    }
    drop(subscription);
    assert_eq!(watch.seen().stale, 0);
    for delivery in other.take(3 - n).await {
        assert_eq!(delivery.attempt, 1, "what it had not taken");
    }
}

/// A delivery that is dropped without being settled is not renewed any more and comes again, while
/// its subscription lives on.
///
/// Promise 2
pub async fn a_dropped_delivery_comes_again<F: Fixture>(f: F) {
    let f = Arc::new(f);
    let _time = keep_time(&f);
    let broker = f.broker().await;
    let sent = message("dropped");
    store(&broker, std::slice::from_ref(&sent)).await;
    let subscribed = broker.subscribe(options("g").lease(F::soon())).await;
    let mut subscription = subscribed.expect("subscribes");
    for attempt in 1..=2 {
        let got = within("the delivery", subscription.recv()).await;
        let got = got.expect("receives");
        assert_eq!((got.id(), got.attempt()), (sent.id(), attempt));
    }
}

/// Many deliveries are acked in one call, also those of two subscriptions.
pub async fn many_deliveries_are_acked_in_one_call<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(40)).await;
    let (mut batch, mut subscriptions) = (Vec::new(), Vec::new());
    for group in ["g", "h"] {
        let subscribed = broker.subscribe(options(group)).await;
        let mut subscription = subscribed.expect("subscribes");
        let mut taken = 0;
        while taken < 40 {
            let got = within("deliveries", subscription.recv_batch(40)).await;
            let got = got.expect("receives");
            taken += got.len();
            batch.extend(got);
        }
        subscriptions.push(subscription);
    }
    let settled = Delivery::ack_all(batch).await.expect("acking works");
    assert_eq!(settled, [Settled::Acked; 80]);
    for group in ["g", "h"] {
        assert_eq!(lag(&broker, group).await.total(), 0);
    }
    let none = Delivery::ack_all([]).await.expect("works");
    assert!(none.is_empty());
}

/// Deliveries of a subscription say what they are and are settled by consuming them.
pub async fn a_subscription_is_a_stream_of_deliveries<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(4);
    store(&broker, &messages).await;
    let subscribed = broker.subscribe(options("g")).await;
    let mut subscription = subscribed.expect("subscribes");
    let mut next = async || {
        let got = within("a delivery", subscription.recv()).await;
        got.expect("receives")
    };
    let acked = next().await;
    assert_eq!(acked.message(), &messages[0]);
    assert_eq!(acked.ack().await.expect("works"), Settled::Acked);
    let rejected = next().await;
    let reason = DeadLetterReason::Rejected;
    let settled = rejected.reject(reason, "no").await.expect("works");
    assert_eq!(settled, Settled::DeadLettered(reason));
    let hour = Requeue::After(Duration::from_secs(3600));
    let settled = next().await.nack("later", hour).await.expect("works");
    assert!(matches!(settled, Settled::Retried(_)), "{settled:?}");
    let settled = next().await.release().await.expect("works");
    assert_eq!(settled, Settled::Released);
    let again = next().await;
    assert_eq!((again.id(), again.attempt()), (messages[3].id(), 1));
    again.ack().await.expect("works");
    within("the close", subscription.close())
        .await
        .expect("closes");
    let now = lag(&broker, "g").await;
    assert_eq!((now.delayed, now.total()), (1, 1));
    assert_eq!(dead_letters(&broker, "g").await.len(), 1);
}

/// `send` succeeds when the message is stored, also when it was stored before, and fails
/// otherwise.
///
/// Promise 11
pub async fn sending_says_whether_it_is_stored<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = message("sent");
    broker.send(sent.clone()).await.expect("stored");
    if F::capability().idempotent_publish {
        broker.send(sent.clone()).await.expect("stored before");
    }
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(member.next().await.message, sent);
    let too_large = vec![0; F::capability().max_payload + 1];
    if let Ok(too_large) = sent.to_builder().payload(too_large).build() {
        let refused = broker.send(too_large).await;
        let kind = crate::messages::error_kind("a payload too large", refused);
        assert_eq!(kind, glmsg_core::ErrorKind::TooLarge);
    }
}

/// A replay as a stream reads page after page to the end.
///
/// Promise 12
pub async fn a_replay_streams_to_the_end<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(2500);
    for part in messages.chunks(500) {
        store(&broker, part).await;
    }
    let stream = broker.replay_from(topic(), StartFrom::Earliest);
    let mut stream = std::pin::pin!(stream);
    let mut seen = Vec::new();
    loop {
        let next = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx));
        match within("the next of the stream", next).await {
            Some(stored) => {
                let stored = stored.expect("replays");
                seen.push(stored.message.expect("whole").id());
            }
            None => break,
        }
    }
    assert_eq!(seen, ids(&messages));
}
