//! Receiving fewer messages than a frame holds.

use std::time::Duration;

use glmsg_broker::{Consumer, Incoming, Settled, Settler};

use super::{assert_done, framed};
use crate::Fixture;
use crate::member::{Member, options, received_ids};
use crate::messages::{ids, lag, topic};
use crate::patience::{until, within};

/// A receive gives no more than it was asked for; the rest of a frame comes with the next ones, in
/// order and each once.
pub async fn a_receive_may_be_smaller_than_a_frame<F: Fixture>(f: F) {
    let (broker, messages) = framed(&f, 40).await;
    let mut member = Member::join(&broker, "g").await;
    let mut got = Vec::new();
    for size in [1, 2, 3, 5, 8, 13, 8] {
        let some = member.take(size).await;
        if size % 2 == 0 {
            member.ack_all(&some).await;
        } else {
            for delivery in &some {
                member.ack(delivery).await;
            }
        }
        got.extend(some);
    }
    assert_eq!(received_ids(&got), ids(&messages));
    assert!(got.iter().all(|d| d.attempt == 1 && d.history.is_empty()));
    assert_done(&broker, "g").await;
}

/// A consumer whose buffer is smaller than a frame handles every message of it once.
pub async fn a_small_buffer_handles_a_large_frame<F: Fixture>(f: F) {
    let (broker, messages) = framed(&f, 60).await;
    let (handled, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let consumer = Consumer::new(broker.clone(), topic(), "g")
        .workers(2)
        .prefetch(5)
        .start(move |incoming: Incoming| {
            let handled = handled.clone();
            async move {
                let _ = handled.send(incoming.message().id());
                Ok(())
            }
        });
    let consumer = consumer.await.expect("a consumer");
    let mut found = Vec::new();
    while found.len() < messages.len() {
        let next = within("a handled message", seen.recv()).await;
        found.push(next.expect("the consumer runs"));
    }
    found.sort();
    let mut expected = ids(&messages);
    expected.sort();
    assert_eq!(found, expected);
    until("the acks", || async {
        lag(&broker, "g").await.total() == 0
    })
    .await;
    consumer.shutdown().await.expect("it stops");
    assert_done(&broker, "g").await;
}

/// When a member leaves that has received some of a frame, what it was not handed goes to others
/// at once, as a first attempt; what it was handed it can still settle.
///
/// Promise 15
pub async fn what_waits_of_a_frame_goes_back_uncounted<F: Fixture>(f: F) {
    let (broker, messages) = framed(&f, 10).await;
    let mut leaver = Member::join(&broker, "g").await;
    let held = leaver.take(4).await;
    leaver.ack_all(&held[1..3]).await;
    let Member {
        source, settler, ..
    } = leaver;
    drop(source);
    let mut other = Member::join(&broker, "g").await;
    let got = other.take(6).await;
    assert_eq!(received_ids(&got), ids(&messages[4..]), "not handed out");
    assert!(got.iter().all(|d| d.attempt == 1 && d.history.is_empty()));
    other.ack_all(&got).await;
    assert_eq!(lag(&broker, "g").await.in_flight, 2, "handed out");
    let tokens = [held[0].token, held[3].token];
    let settled = within("an ack", settler.ack(&tokens)).await;
    assert_eq!(settled.expect("acking works"), [Settled::Acked; 2]);
    assert_done(&broker, "g").await;
}

/// Whoever renews the lease of what it handles keeps what waits of the same frame, too.
///
/// Promise 3
pub async fn a_renewal_keeps_what_waits_of_a_frame<F: Fixture>(f: F) {
    let (broker, messages) = framed(&f, 6).await;
    let lease = Duration::from_secs(2);
    let mut holder = Member::join_with(&broker, &options("g").lease(lease)).await;
    let held = holder.take(1).await.remove(0);
    let mut other = Member::join(&f.broker().await, "g").await;
    // Each step is far shorter than the lease, all together are longer.
    for _ in 0..6 {
        f.pass(Duration::from_millis(500)).await;
        let settled = holder.extend(&held, lease).await;
        assert!(matches!(settled, Settled::Extended(_)), "{settled:?}");
    }
    other.expect_nothing(&broker).await;
    holder.ack(&held).await;
    let rest = holder.take(5).await;
    assert_eq!(received_ids(&rest), ids(&messages[1..]));
    assert!(rest.iter().all(|d| d.attempt == 1), "the first attempt");
    holder.ack_all(&rest).await;
    assert_done(&broker, "g").await;
}
