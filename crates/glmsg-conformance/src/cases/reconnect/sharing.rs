//! Several handles on one store.

use std::collections::HashSet;
use std::time::Duration;

use glmsg_broker::{DeadLetterSelector, Settled};

use crate::Fixture;
use crate::member::{Member, past_soon, received_ids};
use crate::messages::{build, builder, ids, lag, numbered, redrive, store};
use crate::patience::within;

/// Two handles on a store see the same topics, share a group's messages without doubling any, and
/// refuse each other's stale settlements.
///
/// Promise 4
pub async fn handles_share_one_store<F: Fixture>(f: F) {
    let (one, two) = (f.broker().await, f.broker().await);
    let messages = numbered(40);
    store(&one, &messages[..20]).await;
    store(&two, &messages[20..]).await;
    let mut here = Member::join_briefly::<F>(&one, "g").await;
    let lost = here.take(1).await;
    f.pass(past_soon::<F>()).await;
    let mut there = Member::join(&two, "g").await;
    let taken = there.take(20).await;
    assert_eq!(
        (taken[0].message.id(), taken[0].attempt),
        (messages[0].id(), 2)
    );
    assert_eq!(here.try_ack(&lost[0]).await, Settled::Stale);
    let mut here = Member::join(&one, "g").await;
    let rest = here.take(20).await;
    let all: HashSet<_> = [received_ids(&taken), received_ids(&rest)]
        .concat()
        .into_iter()
        .collect();
    assert_eq!(all, ids(&messages).into_iter().collect());
    there.ack_all(&taken).await;
    here.ack_all(&rest).await;
    assert_eq!(lag(&one, "g").await, lag(&two, "g").await);
    assert_eq!(lag(&two, "g").await.total(), 0);
}

/// A member that waits is woken by a publish through another handle, and by a retry and a redrive
/// made there.
///
/// Promise 1
pub async fn a_publish_wakes_a_member_of_another_handle<F: Fixture>(f: F) {
    let (one, two) = (f.broker().await, f.broker().await);
    let sent = build(builder("come and get it").max_retries(9));
    let mut waiter = Member::join(&one, "g").await;
    let mut other = Member::join(&two, "g").await;
    let waiting = tokio::spawn(async move {
        let got = waiter.next().await;
        (waiter, got)
    });
    store(&two, std::slice::from_ref(&sent)).await;
    let (mut waiter, got) = within("the publish to wake it", waiting)
        .await
        .expect("no panic");
    assert_eq!(got.message.id(), sent.id());
    waiter.retry(&got, Duration::ZERO, "over to you").await;
    let got = other.next().await;
    let waiting = tokio::spawn(async move {
        let got = waiter.next().await;
        (waiter, got)
    });
    other
        .retry(&got, Duration::from_millis(50), "back to you")
        .await;
    f.pass(Duration::from_millis(50)).await;
    let (mut waiter, got) = within("the retry to wake it", waiting)
        .await
        .expect("no panic");
    waiter.reject(&got, "bad").await;
    let waiting = tokio::spawn(async move { waiter.next().await });
    assert_eq!(redrive(&two, "g", &DeadLetterSelector::All).await, 1);
    let got = within("the redrive to wake it", waiting)
        .await
        .expect("no panic");
    assert_eq!(got.message.id(), sent.id());
}
