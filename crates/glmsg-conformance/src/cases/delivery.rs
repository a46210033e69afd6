//! Messages arrive: all of them, whole, from wherever they are published.

use std::collections::HashSet;
use std::time::Duration;

use glmsg_broker::{Settled, SubscribeOptions};
use glmsg_core::{ContentType, Message, Priority, TopicName};

use crate::member::{Member, past_soon, received_ids};
use crate::messages::{build, builder, group, ids, lag, message, named_topic, numbered, store};
use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! delivery_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { delivery ["delivery.rs"] [
            every_message_arrives,
            every_priority_arrives (Priorities),
            a_message_arrives_whole,
            a_message_published_before_its_group_arrives,
            a_waiting_member_is_woken,
            a_cancelled_recv_loses_nothing,
            an_ack_needs_nobody_who_receives,
            the_first_delivery_is_attempt_one,
            concurrent_publishers_lose_nothing,
            topics_do_not_mix,
            an_acked_message_never_comes_again,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    delivery_cases!(__list)
}

/// Every message whose publish was acknowledged is delivered.
///
/// Promise 1
pub async fn every_message_arrives<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(100);
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(100).await;
    let expected: HashSet<_> = ids(&messages).into_iter().collect();
    let got: HashSet<_> = received_ids(&got).into_iter().collect();
    assert_eq!(got, expected, "each message once");
}

/// Messages of every priority are delivered, the most urgent included.
///
/// Promise 1
pub async fn every_priority_arrives<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = Priority::ALL.map(|p| build(builder(p.as_str()).priority(p)));
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(4).await;
    let got: HashSet<_> = received_ids(&got).into_iter().collect();
    assert_eq!(got, ids(&messages).into_iter().collect());
}

/// Every field of a message arrives as it was published, and its provenance verifies.
///
/// Promise 1
pub async fn a_message_arrives_whole<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut sent = builder("{\"from\":\"DTW\"}")
        .content_type(ContentType::JSON)
        .key("DTW")
        .correlation_id("request-1")
        .reply_to(TopicName::new("answers").expect("a valid name"))
        .header("tenant", "äcme")
        .source_agent("planner")
        .max_retries(7)
        .traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    if F::capability().ttl {
        sent = sent.ttl(Duration::from_secs(3600));
    }
    let sent = build(sent);
    store(&broker, std::slice::from_ref(&sent)).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.next().await.message;
    assert_eq!(got.payload(), sent.payload(), "the payload's bytes");
    assert_eq!(got.headers(), sent.headers(), "the headers");
    assert_eq!(
        got.created_at(),
        sent.created_at(),
        "the creation time, to the microsecond"
    );
    assert_eq!(got.ttl(), sent.ttl(), "the time to live");
    assert_eq!(got.max_retries(), 7, "the retries");
    assert_eq!(got, sent, "all fields and the provenance");
    got.verify().expect("the provenance still verifies");
}

/// A group that is created after the publish gets the message by default.
///
/// Promise 4
pub async fn a_message_published_before_its_group_arrives<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let early = message("early");
    store(&broker, std::slice::from_ref(&early)).await;
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(member.next().await.message.id(), early.id());
}

/// A member that waits in `recv` is woken by a publish through another handle.
///
/// Promise 1
pub async fn a_waiting_member_is_woken<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut member = Member::join(&broker, "g").await;
    for round in 0..5 {
        let sent = message(&format!("round {round}"));
        let waiting = tokio::spawn(async move {
            let got = member.next().await;
            (member, got)
        });
        // The waiter may or may not be asleep by now; over the rounds it is at least once.
        tokio::task::yield_now().await;
        store(&f.broker().await, std::slice::from_ref(&sent)).await;
        let (back, got) = within("the woken member", waiting).await.expect("no panic");
        assert_eq!(got.message.id(), sent.id());
        back.ack(&got).await;
        member = back;
    }
}

/// Dropping a `recv` at any moment loses nothing: the next call returns what it had taken, as the
/// same attempt.
///
/// Promise 2
pub async fn a_cancelled_recv_loses_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut member = Member::join(&broker, "g").await;
    let messages = numbered(50);
    let mut got = Vec::new();
    for (n, sent) in messages.iter().enumerate() {
        store(&broker, std::slice::from_ref(sent)).await;
        // Dropped after ever more polls: before the request, in its middle, after its answer.
        let cut = Duration::from_micros(20 * n as u64);
        if let Ok(received) = tokio::time::timeout(cut, member.recv(10)).await {
            got.extend(received.expect("receiving works"));
        }
    }
    let missing = messages.len() - got.len();
    got.extend(member.take(missing).await);
    let attempts: Vec<u32> = got.iter().map(|d| d.attempt).collect();
    assert_eq!(
        attempts,
        vec![1; 50],
        "a delivery that nobody saw is not an attempt"
    );
    assert_eq!(
        received_ids(&got),
        ids(&messages),
        "every message once, in order"
    );
    member.ack_all(&got).await;
}

/// An ack is answered also when it went along with a `recv` that was given up.
///
/// Promise 2
pub async fn an_ack_needs_nobody_who_receives<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut member = Member::join(&broker, "g").await;
    for n in 0..20 {
        store(&broker, &[message("next")]).await;
        let got = member.next().await;
        let mut ack = member.try_ack(&got);
        // Dropped after ever more polls: before the request, in its middle, after its answer.
        let cut = Duration::from_micros(20 * n);
        let settled = tokio::select! {
            biased;
            settled = &mut ack => settled,
            received = tokio::time::timeout(cut, member.recv(100)) => {
                assert!(received.is_err(), "there is nothing to receive");
                within("an ack", ack).await
            }
        };
        assert_eq!(settled, Settled::Acked);
    }
    member.expect_nothing(&broker).await;
}

/// A first delivery says that it is attempt one, with no history.
///
/// Promise 5
pub async fn the_first_delivery_is_attempt_one<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("new")]).await;
    let got = Member::join(&broker, "g").await.next().await;
    assert_eq!(got.attempt, 1);
    assert!(
        got.history.is_empty(),
        "no attempt has ended: {:?}",
        got.history
    );
}

/// Many publishers at once, through handles of their own, lose nothing and double nothing.
///
/// Promise 1
pub async fn concurrent_publishers_lose_nothing<F: Fixture>(f: F) {
    let mut publishers = Vec::new();
    for _ in 0..8 {
        let broker = f.broker().await;
        publishers.push(tokio::spawn(async move {
            let messages = numbered(25);
            for message in &messages {
                store(&broker, std::slice::from_ref(message)).await;
            }
            ids(&messages)
        }));
    }
    let mut expected = HashSet::new();
    for publisher in publishers {
        expected.extend(within("a publisher", publisher).await.expect("no panic"));
    }
    let broker = f.broker().await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(200).await;
    assert_eq!(
        received_ids(&got).into_iter().collect::<HashSet<_>>(),
        expected
    );
    member.ack_all(&got).await;
    assert_eq!(lag(&broker, "g").await.total(), 0, "nothing more is there");
}

/// A message reaches its own topic and no other.
///
/// Promise 4
pub async fn topics_do_not_mix<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let one = Message::new(named_topic("a.b"), "one").expect("a valid message");
    let two = Message::new(named_topic("a.b.c"), "two").expect("a valid message");
    store(&broker, &[one.clone(), two.clone()]).await;
    let names = broker.topic_names().await.expect("names");
    assert_eq!(names, [named_topic("a.b"), named_topic("a.b.c")]);
    for sent in [one, two] {
        let options = SubscribeOptions::new(sent.topic(), group("g")).expect("valid options");
        let mut member = Member::join_with(&broker, &options).await;
        assert_eq!(member.next().await.message.id(), sent.id());
        let lag = broker.lag(sent.topic(), &group("g")).await.expect("a lag");
        assert_eq!(
            lag.total(),
            1,
            "the one delivery is all there is in {}",
            sent.topic()
        );
    }
}

/// What is acked does not come again, also after its lease would have ended.
///
/// Promise 2
pub async fn an_acked_message_never_comes_again<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(10)).await;
    let mut member = Member::join_briefly::<F>(&broker, "g").await;
    for got in member.take(10).await {
        // On a slow machine the lease is over by now: the ack counts all the same, because nobody
        // else has received the message.
        member.ack(&got).await;
    }
    f.pass(past_soon::<F>()).await;
    member.expect_nothing(&broker).await;
    assert_eq!(lag(&broker, "g").await.total(), 0);
}
