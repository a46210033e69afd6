//! Time to live: what is no longer worth delivering becomes a dead letter, not a delivery.

use std::time::Duration;

use glmsg_core::{DeadLetterReason, Message};

use crate::member::{Member, past_soon};
use crate::messages::{build, builder, dead_letters, lag, only_dead_letter, redrive, store};
use crate::{Case, Fixture};
use glmsg_broker::DeadLetterSelector;

#[doc(hidden)]
#[macro_export]
macro_rules! ttl_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { ttl ["ttl.rs"] [
            an_expired_message_is_not_delivered (Ttl),
            a_message_within_its_time_is_delivered (Ttl),
            a_retry_may_expire (Ttl),
            a_lease_may_outlive_the_time_to_live (Ttl),
            an_abandoned_message_may_expire (Ttl),
            a_scheduled_message_lives_from_its_due_time (Ttl Scheduling),
            each_group_finds_its_own_expired (Ttl),
            a_redriven_message_lives_anew (Ttl),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    ttl_cases!(__list)
}

fn mortal<F: Fixture>(payload: &str) -> Message {
    build(builder(payload).ttl(F::soon()))
}

/// A message past its time to live becomes a dead letter with this reason, is not delivered, and
/// holds up nothing; receiving reports it.
///
/// Promise 5
pub async fn an_expired_message_is_not_delivered<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = mortal::<F>("stale news");
    store(&broker, std::slice::from_ref(&sent)).await;
    f.pass(past_soon::<F>()).await;
    let mut member = Member::join(&broker, "g").await;
    member.expect_nothing(&broker).await;
    assert_eq!(member.intake.expired, 1, "receiving reports it");
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(dead.message(), Some(&sent));
    assert_eq!(dead.reason, DeadLetterReason::Expired);
    assert_eq!(dead.attempts, 0, "it was never delivered");
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// A message is delivered as long as its time to live has not passed.
pub async fn a_message_within_its_time_is_delivered<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = build(builder("fresh").ttl(Duration::from_secs(3600)));
    store(&broker, std::slice::from_ref(&sent)).await;
    f.pass(Duration::from_millis(20)).await;
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(member.next().await.message, sent);
    assert_eq!(dead_letters(&broker, "g").await, []);
}

/// A message whose time runs out while it waits for a retry is not tried again.
///
/// Promise 5
pub async fn a_retry_may_expire<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let life = 20 * F::soon();
    let mut member = Member::join(&broker, "g").await;
    // It is at work before the message's time runs.
    member.expect_nothing(&broker).await;
    store(&broker, &[build(builder("late").ttl(life))]).await;
    let got = member.next().await;
    member.retry(&got, life, "later").await;
    f.pass(life + F::soon()).await;
    member.expect_nothing(&broker).await;
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(dead.reason, DeadLetterReason::Expired);
    assert_eq!(
        (dead.attempts, dead.history.len()),
        (1, 1),
        "the one attempt is kept"
    );
}

/// A message that expires in its holder's hands can still be acked.
pub async fn a_lease_may_outlive_the_time_to_live<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let life = 10 * F::soon();
    let mut member = Member::join(&broker, "g").await;
    // It is at work before the message's time runs.
    member.expect_nothing(&broker).await;
    store(&broker, &[build(builder("just in time").ttl(life))]).await;
    let got = member.next().await;
    f.pass(life + F::soon()).await;
    member.ack(&got).await;
    member.expect_nothing(&broker).await;
    assert_eq!(dead_letters(&broker, "g").await, []);
}

/// A message that expired while its consumer was dead is a dead letter of this reason, not a
/// delivery.
///
/// Promise 5
pub async fn an_abandoned_message_may_expire<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let life = 10 * F::soon();
    let mut member = Member::join_briefly::<F>(&broker, "g").await;
    // It is at work before the message's time runs.
    member.expect_nothing(&broker).await;
    store(&broker, &[build(builder("forgotten").ttl(life))]).await;
    let _held = member.next().await;
    f.pass(life + F::soon()).await;
    member.expect_nothing(&broker).await;
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(dead.reason, DeadLetterReason::Expired);
    assert_eq!(dead.attempts, 1);
}

/// The time to live of a scheduled message begins when it is due.
///
/// Promise 6
pub async fn a_scheduled_message_lives_from_its_due_time<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let delay = 20 * F::soon();
    let sent = build(builder("tomorrow").delay(delay).ttl(delay / 2));
    store(&broker, std::slice::from_ref(&sent)).await;
    let mut member = Member::join(&broker, "g").await;
    // Due after twice its time to live: had it begun at once, it would be over.
    let due = tokio::spawn(async move {
        let got = member.next().await;
        (member, got)
    });
    f.pass(delay).await;
    let (member, got) = crate::patience::within("the scheduled message", due)
        .await
        .expect("no panic");
    assert_eq!(got.message.id(), sent.id());
    member.ack(&got).await;
    assert_eq!(dead_letters(&broker, "g").await, []);
}

/// Each group that has not acked it gets its own dead letter, and one that has acked it none.
///
/// Promise 4
pub async fn each_group_finds_its_own_expired<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let life = 30 * F::soon();
    let mut quick = Member::join(&broker, "quick").await;
    // It is at work before the message's time runs.
    quick.expect_nothing(&broker).await;
    store(&broker, &[build(builder("brief").ttl(life))]).await;
    let got = quick.next().await;
    quick.ack(&got).await;
    let mut slow = Member::join(&broker, "slow").await;
    let first = slow.next().await;
    slow.ack(&first).await;
    f.pass(life + F::soon()).await;
    slow.sweep(1).await;
    assert_eq!(lag(&broker, "quick").await.total(), 0);
    assert_eq!(dead_letters(&broker, "slow").await.len(), 1);
    assert_eq!(dead_letters(&broker, "quick").await, []);
}

/// Redriving an expired message delivers it: its time to live counts anew.
///
/// Promise 7
pub async fn a_redriven_message_lives_anew<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let life = 20 * F::soon();
    let sent = build(builder("second life").ttl(life));
    store(&broker, std::slice::from_ref(&sent)).await;
    f.pass(life + F::soon()).await;
    let mut member = Member::join(&broker, "g").await;
    member.sweep(1).await;
    assert_eq!(redrive(&broker, "g", &DeadLetterSelector::All).await, 1);
    let again = member.next().await;
    assert_eq!((again.message.id(), again.attempt), (sent.id(), 1));
    // And it ends anew: given back past its second life, it expires again.
    member.retry(&again, Duration::ZERO, "slow").await;
    f.pass(life + F::soon()).await;
    member.expect_nothing(&broker).await;
    assert_eq!(
        only_dead_letter(&broker, "g").await.reason,
        DeadLetterReason::Expired
    );
}
