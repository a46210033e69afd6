//! Batches: the primitive of publishing, receiving and settling.

use std::collections::BTreeSet;
use std::time::Duration;

use glmsg_broker::{Nack, Published, Settled, Settler, SubscribeOptions, Token};
use glmsg_core::limits::MAX_BATCH;
use glmsg_core::{ErrorKind, Message};
use tokio::task::JoinSet;

use crate::member::{Member, received_ids};
use crate::messages::{group, ids, message, named_topic, numbered, publish, store};
use crate::patience::{another_runtime, begun, begun_on, within};
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! batch_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { batch ["batch.rs"] [
            a_large_batch_arrives_in_order,
            an_empty_batch_is_no_error,
            a_batch_may_go_to_several_topics,
            one_refused_message_does_not_harm_the_others,
            recv_appends_and_keeps_to_the_maximum,
            settling_gives_an_outcome_for_each_token,
            empty_settlements_are_no_error,
            calls_that_nobody_polls_hold_up_no_others,
            calls_that_end_with_their_runtime_hold_up_no_others,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    batch_cases!(__list)
}

/// The largest batch is stored as a whole and arrives in its order.
///
/// Promise 1
pub async fn a_large_batch_arrives_in_order<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(MAX_BATCH);
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(MAX_BATCH).await;
    assert_eq!(received_ids(&got), ids(&messages));
    member.ack_all(&got).await;
}

/// Publishing no messages succeeds with no outcomes.
pub async fn an_empty_batch_is_no_error<F: Fixture>(f: F) {
    let broker = f.broker().await;
    assert!(publish(&broker, &[]).await.is_empty());
}

/// One call may carry messages of several topics; each topic keeps its part's order.
pub async fn a_batch_may_go_to_several_topics<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let topics = [named_topic("left"), named_topic("right")];
    let messages: Vec<Message> = (0..20)
        .map(|n| Message::new(&topics[n % 2], n.to_string()).expect("a valid message"))
        .collect();
    store(&broker, &messages).await;
    for (side, topic) in topics.iter().enumerate() {
        let options = SubscribeOptions::new(topic, group("g")).expect("valid options");
        let mut member = Member::join_with(&broker, &options).await;
        let got = member.take(10).await;
        let expected: Vec<_> = ids(&messages).into_iter().skip(side).step_by(2).collect();
        assert_eq!(received_ids(&got), expected, "the part of {topic}");
    }
}

/// A message that is refused leaves the others of its batch stored, with outcomes in their order.
///
/// Promise 14
pub async fn one_refused_message_does_not_harm_the_others<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let too_large = vec![b'x'; F::capability().max_payload + 1];
    let too_large = match message("").to_builder().payload(too_large).build() {
        Ok(too_large) => too_large,
        // The declared maximum is as large as a message can be: the builder refuses more.
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
            return;
        }
    };
    let batch = [message("before"), too_large, message("behind")];
    let outcomes = publish(&broker, &batch).await;
    assert!(
        matches!(
            outcomes[..],
            [Published::Stored, Published::Rejected(_), Published::Stored]
        ),
        "expected stored, rejected, stored, got {outcomes:?}"
    );
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(2).await;
    assert_eq!(received_ids(&got), [batch[0].id(), batch[2].id()]);
    member.ack_all(&got).await;
    member.expect_nothing(&broker).await;
}

/// `recv` appends to what is in the buffer and never gives more than it was asked for.
pub async fn recv_appends_and_keeps_to_the_maximum<F: Fixture>(f: F) {
    use glmsg_broker::Source;

    let broker = f.broker().await;
    let messages = numbered(30);
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    let mut buf = Vec::new();
    while buf.len() < 30 {
        let before = buf.len();
        let received = member.source.recv(&mut buf, 7);
        within("deliveries", received)
            .await
            .expect("receiving works");
        let new = buf.len() - before;
        assert!(
            (1..=7).contains(&new),
            "asked for at most 7, got {new} more"
        );
    }
    assert_eq!(received_ids(&buf), ids(&messages));
}

/// Settling several deliveries gives one outcome for each token, in their order, and a stale token
/// does not harm the others.
///
/// Promise 3
pub async fn settling_gives_an_outcome_for_each_token<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(6)).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(6).await;
    member.ack(&got[1]).await;
    let tokens: Vec<Token> = got[..3].iter().map(|d| d.token).collect();
    let acks = within("acks", member.settler.ack(&tokens)).await;
    let expected = [Settled::Acked, Settled::Stale, Settled::Acked];
    assert_eq!(
        acks.expect("acking works"),
        expected,
        "the second was acked before"
    );
    let nacks: Vec<Nack> = [&got[3], &got[2], &got[4]]
        .map(|d| Nack::retry(d.token, Duration::ZERO, "again"))
        .into();
    let outcomes = within("nacks", member.settler.nack(&nacks)).await;
    let outcomes = outcomes.expect("nacking works");
    assert!(
        matches!(
            outcomes[..],
            [Settled::Retried(_), Settled::Stale, Settled::Retried(_)]
        ),
        "the second was acked before: {outcomes:?}"
    );
    member.ack(&got[5]).await;
}

/// Settling nothing succeeds with no outcomes.
pub async fn empty_settlements_are_no_error<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let member = Member::join(&broker, "g").await;
    let settler = &member.settler;
    let lease = Duration::from_secs(30);
    for outcomes in [
        within("an ack", settler.ack(&[])).await,
        within("a nack", settler.nack(&[])).await,
        within("a release", settler.release(&[])).await,
        within("an extension", settler.extend(&[], lease)).await,
    ] {
        assert_eq!(outcomes.expect("nothing to do cannot fail"), []);
    }
}

/// Calls that were begun and are not polled any more keep no other from its end: whoever awaits one
/// call within a loop that drives others does not wait for ever.
pub async fn calls_that_nobody_polls_hold_up_no_others<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(6);
    let (last, others) = messages.split_last().expect("some");
    let mut left = Vec::new();
    for message in others {
        left.extend(begun(broker.publish(std::slice::from_ref(message))).await);
    }
    store(&broker, std::slice::from_ref(last)).await;
    for call in left {
        within("a publish", call).await.expect("publishing works");
    }
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(6).await;
    let (last, others) = got.split_last().expect("some");
    let mut left = Vec::new();
    for received in others {
        let token = [received.token];
        let settler = member.settler.clone();
        left.extend(begun(async move { settler.ack(&token).await }).await);
    }
    member.ack(last).await;
    for call in left {
        within("an ack", call).await.expect("acking works");
    }
    member.expect_nothing(&broker).await;
}

/// A runtime may end in the midst of its calls, while others go on with the same broker, one of which
/// is left unpolled: no call of theirs waits for one of those for ever.
pub async fn calls_that_end_with_their_runtime_hold_up_no_others<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let publish = |message: Message| {
        let broker = broker.clone();
        async move { broker.publish(&[message]).await }
    };
    let (lost, own) = (numbered(18), numbered(18));
    let unpolled = message("left");
    let left = begun(publish(unpolled.clone())).await;
    let mut calls = Vec::new();
    for (lost, own) in lost.chunks(6).zip(own.chunks(6)) {
        let (runtime, mut ending) = (another_runtime(), Vec::new());
        for (lost, own) in lost.iter().zip(own) {
            let call = publish(lost.clone());
            ending.extend(begun_on(runtime.handle(), call).await);
            calls.extend(begun(publish(own.clone())).await);
        }
        // Half of them end before their runtime, half of them after it.
        ending.truncate(3);
        runtime.shutdown_background();
    }
    let mut going_on = JoinSet::new();
    for call in calls {
        going_on.spawn(call);
    }
    while let Some(ended) = within("a publish of another runtime", going_on.join_next()).await {
        let outcome = ended.expect("no panic").expect("publishing works");
        assert!(outcome[0].is_stored(), "{outcome:?}");
    }
    if let Some(left) = left {
        within("what was left", left)
            .await
            .expect("publishing works");
    }
    // Behind all that was stored, so that nothing is there twice.
    let end = message("the end");
    store(&broker, std::slice::from_ref(&end)).await;
    let mut expected: BTreeSet<_> = ids(&own).into_iter().collect();
    expected.extend([unpolled.id(), end.id()]);
    let mut member = Member::join(&broker, "g").await;
    let mut seen = BTreeSet::new();
    while !seen.contains(&end.id()) {
        let got = member.next().await;
        assert!(seen.insert(got.message.id()), "once");
        member.ack(&got).await;
    }
    assert!(expected.is_subset(&seen), "each of those that go on");
}
