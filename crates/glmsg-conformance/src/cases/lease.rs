//! Leases: who holds a message, until when, and what a former holder can still do: nothing.

use std::collections::HashSet;
use std::time::Duration;

use glmsg_broker::{Broker, Nack, Received, Settled};
use glmsg_core::{DeadLetterReason, ErrorKind};
use std::sync::Arc;

use crate::member::{Member, options, past_soon};
use crate::messages::{dead_letters, error_kind, lag, message, numbered, store};
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! lease_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { lease ["lease.rs"] [
            a_leased_message_is_nobody_elses,
            an_extended_lease_holds,
            an_extension_says_until_when,
            an_ack_while_the_lease_is_renewed_counts,
            a_late_ack_counts_until_somebody_else_has_it,
            a_stale_ack_is_refused,
            a_stale_nack_is_refused,
            a_stale_release_is_refused,
            a_stale_extension_is_refused,
            a_second_settlement_is_stale,
            every_delivery_has_a_token_of_its_own,
            a_settler_outlives_its_source,
            leases_out_of_bounds_are_refused,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    lease_cases!(__list)
}

/// A message that one member has leased is not delivered to another.
///
/// Promise 3
pub async fn a_leased_message_is_nobody_elses<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(5)).await;
    let mut holder = Member::join(&broker, "g").await;
    let held = holder.take(5).await;
    let mut other = Member::join(&f.broker().await, "g").await;
    other.expect_nothing(&broker).await;
    holder.ack_all(&held).await;
}

/// A lease that is renewed outlives its first deadline many times over.
///
/// Promise 3
pub async fn an_extended_lease_holds<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("long work")]).await;
    let lease = Duration::from_secs(2);
    let mut holder = Member::join_with(&broker, &options("g").lease(lease)).await;
    let held = holder.next().await;
    let mut other = Member::join(&f.broker().await, "g").await;
    // Each step is far shorter than the lease, all together are longer.
    for _ in 0..5 {
        f.pass(Duration::from_millis(500)).await;
        let settled = holder.extend(&held, lease).await;
        assert!(matches!(settled, Settled::Extended(_)), "{settled:?}");
    }
    other.expect_nothing(&broker).await;
    holder.ack(&held).await;
}

/// An extension reports the new deadline, counted from now, and may be any length.
///
/// Promise 3
pub async fn an_extension_says_until_when<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("work")]).await;
    let mut member = Member::join(&broker, "g").await;
    let held = member.next().await;
    let minute = Duration::from_secs(60);
    let Settled::Extended(first) = member.extend(&held, minute).await else {
        panic!("the holder can extend");
    };
    f.pass(Duration::from_millis(10)).await;
    let Settled::Extended(second) = member.extend(&held, minute).await else {
        panic!("the holder can extend again");
    };
    assert!(
        second.since(first) >= Duration::from_millis(10),
        "the same lease from a later now ends later: {first} and {second}"
    );
}

/// A heartbeat and an ack may be under way at the same time; the ack counts.
///
/// Promise 3
pub async fn an_ack_while_the_lease_is_renewed_counts<F: Fixture>(f: F) {
    use glmsg_broker::Settler;
    let broker = f.broker().await;
    store(&broker, &numbered(20)).await;
    let mut member = Member::join(&broker, "g").await;
    for held in member.take(20).await {
        let tokens = [held.token];
        let minute = Duration::from_secs(60);
        let (_, acked) = tokio::join!(
            member.settler.extend(&tokens, minute),
            member.settler.ack(&tokens)
        );
        assert_eq!(acked.expect("acking works"), [Settled::Acked]);
    }
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// After its lease has run out, a holder's ack counts as long as nobody else has received the
/// message.
///
/// Promise 3
pub async fn a_late_ack_counts_until_somebody_else_has_it<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("slow")]).await;
    let mut holder = Member::join_briefly::<F>(&broker, "g").await;
    let held = holder.next().await;
    f.pass(past_soon::<F>()).await;
    holder.ack(&held).await;
    assert_eq!(lag(&broker, "g").await.total(), 0);
    holder.expect_nothing(&broker).await;
}

/// A message, a member that has lost it and its delivery, a member that has it and its own.
async fn taken_over<F: Fixture>(
    f: &F,
    broker: &Arc<dyn Broker>,
) -> (Member, Received, Member, Received) {
    store(broker, &[message("contended")]).await;
    let mut former = Member::join_briefly::<F>(broker, "g").await;
    let lost = former.next().await;
    f.pass(past_soon::<F>()).await;
    let mut holder = Member::join(&f.broker().await, "g").await;
    let held = holder.next().await;
    (former, lost, holder, held)
}

/// The holder can still settle, so what the former holder tried has changed nothing.
async fn assert_untouched(broker: &Arc<dyn Broker>, holder: Member, held: &Received) {
    assert_eq!(lag(broker, "g").await.in_flight, 1, "it is still held");
    assert_eq!(dead_letters(broker, "g").await, []);
    holder.ack(held).await;
}

/// An ack by a member whose message another has taken over is refused and changes nothing.
///
/// Promise 3
pub async fn a_stale_ack_is_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let (former, lost, holder, held) = taken_over(&f, &broker).await;
    assert_eq!(former.try_ack(&lost).await, Settled::Stale);
    assert_untouched(&broker, holder, &held).await;
}

/// A nack by a member whose message another has taken over is refused and changes nothing.
///
/// Promise 3
pub async fn a_stale_nack_is_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let (former, lost, holder, held) = taken_over(&f, &broker).await;
    let retried = former.retry(&lost, Duration::ZERO, "late").await;
    assert_eq!(retried, Settled::Stale);
    let reject = Nack::reject(lost.token, DeadLetterReason::Rejected, "late");
    assert_eq!(former.nack(reject).await, Settled::Stale);
    assert_untouched(&broker, holder, &held).await;
}

/// A release by a member whose message another has taken over is refused and changes nothing.
///
/// Promise 3
pub async fn a_stale_release_is_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let (former, lost, holder, held) = taken_over(&f, &broker).await;
    assert_eq!(former.release(&lost).await, Settled::Stale);
    assert_untouched(&broker, holder, &held).await;
}

/// An extension by a member whose message another has taken over is refused and changes nothing.
///
/// Promise 3
pub async fn a_stale_extension_is_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let (former, lost, holder, held) = taken_over(&f, &broker).await;
    assert_eq!(former.extend(&lost, F::soon()).await, Settled::Stale);
    f.pass(past_soon::<F>()).await;
    assert_untouched(&broker, holder, &held).await;
}

/// Whatever settled a delivery first stands: everything after it is stale.
///
/// Promise 3
pub async fn a_second_settlement_is_stale<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(4)).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(4).await;
    let later = Duration::from_secs(3600);
    member.ack(&got[0]).await;
    member.retry(&got[1], later, "later").await;
    member.reject(&got[2], "bad").await;
    member.release(&got[3]).await;
    for delivery in &got {
        let outcomes = [
            member.try_ack(delivery).await,
            member.retry(delivery, Duration::ZERO, "again").await,
            member.release(delivery).await,
            member.extend(delivery, F::soon()).await,
        ];
        assert_eq!(outcomes, [Settled::Stale; 4]);
    }
    let now = lag(&broker, "g").await;
    let found = (
        now.undelivered,
        now.in_flight,
        now.delayed,
        now.dead_letters,
    );
    assert_eq!(
        found,
        (0, 0, 2, 1),
        "one acked, one retried, one dead, one released: {now:?}"
    );
}

/// No two deliveries share a token, whoever gets them and however often the message comes.
///
/// Promise 3
pub async fn every_delivery_has_a_token_of_its_own<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(3)).await;
    let mut seen = HashSet::new();
    let mut member = Member::join(&broker, "g").await;
    for round in 0..3 {
        for got in member.take(3).await {
            assert!(
                seen.insert(got.token),
                "the token {:?} of an earlier delivery again in round {round}",
                got.token
            );
            member.retry(&got, Duration::ZERO, "again").await;
        }
    }
}

/// A delivery can be settled after its source is gone.
///
/// Promise 3
pub async fn a_settler_outlives_its_source<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("handed on")]).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.next().await;
    let Member {
        source, settler, ..
    } = member;
    drop(source);
    use glmsg_broker::Settler;
    let settled = settler.ack(&[got.token]).await.expect("acking works");
    assert_eq!(settled, [Settled::Acked]);
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// A lease of no sensible length is refused when subscribing, and so is a prefetch.
pub async fn leases_out_of_bounds_are_refused<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let hostile = [
        options("g").lease(Duration::from_millis(99)),
        options("g").lease(Duration::from_secs(3601)),
        options("g").prefetch(0),
        options("g").prefetch(100_001),
    ];
    for options in hostile {
        let kind = error_kind("the option", broker.open_source(&options).await);
        assert_eq!(kind, ErrorKind::InvalidArgument, "{options:?}");
    }
}
