//! Three ways to lose or double messages on Redis, and beside each the right way: the checker must tell them apart.
//!
//! A checker that never failed proves nothing, and neither does one that always fails.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod queue;

use glmsg_faults::check::{Invariant, Report};
use glmsg_faults::proxy::{DropReply, Mode};
use redis::AsyncCommands;
use redis::streams::{StreamAutoClaimReply, StreamReadReply};

use queue::{
    Case, GROUP, PUBLISH_BOUNDED, QUEUE, ack, consume, id_of, once, publish, raw, receive,
};

/// Publishes ten messages while the reply to the one in the middle is lost, and consumes them.
async fn lose_a_reply(command: fn(&str) -> redis::Cmd) -> Report {
    let case = Case::start().await;
    let publisher = case.ledger("publisher");
    let control = case.proxy.control();
    control
        .set(Mode::DropReply(DropReply::once().to("m-5")))
        .await;
    for n in 0..10 {
        let id = format!("m-{n}");
        publish(&case, &publisher, &id, &command(&id)).await;
    }
    assert_eq!(
        control.seen().replies_dropped,
        1,
        "or the case proves nothing"
    );
    let consumer = case.ledger("consumer");
    while consume(&case, &consumer, 100).await > 0 {}
    case.report().await
}

#[tokio::test]
async fn a_raw_publish_that_is_tried_again_is_stored_twice() {
    let report = lose_a_reply(raw).await;
    assert_eq!(report.broken(), [Invariant::I4], "{report}");
    assert_eq!(report.ids(Invariant::I4), ["m-5"].into());
    assert_eq!(
        (report.counts.indeterminate, report.counts.duplicate_stores),
        (1, 1)
    );
}

#[tokio::test]
async fn an_idempotent_publish_that_is_tried_again_is_stored_once() {
    let report = lose_a_reply(once).await;
    report.assert_ok();
    assert_eq!(
        (report.counts.indeterminate, report.counts.duplicates),
        (1, 1)
    );
    assert_eq!(report.counts.done, 10);
}

/// Kills a consumer in its handler and lets another take over what it left.
async fn die_in_the_handler(acks_before: bool) -> Report {
    let case = Case::start().await;
    let publisher = case.ledger("publisher");
    for id in ["m-1", "m-2"] {
        publish(&case, &publisher, id, &once(id)).await;
    }
    let (victim, mut connection) = (case.ledger("victim"), case.connect().await);
    let (in_handler, handling) = tokio::sync::oneshot::channel();
    let handler = tokio::spawn(async move {
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP")
            .arg(GROUP)
            .arg("victim")
            .arg("COUNT")
            .arg(1);
        read.arg("STREAMS").arg(QUEUE).arg(">");
        let reply: StreamReadReply = read.query_async(&mut connection).await.unwrap();
        let entry = &reply.keys[0].ids[0];
        receive(&victim, entry, 1);
        if acks_before {
            ack(&victim, entry, &mut connection).await;
        }
        in_handler.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    handling.await.unwrap();
    handler.abort();
    assert!(handler.await.unwrap_err().is_cancelled());
    publisher.crash("victim");

    let (heir, mut connection) = (case.ledger("heir"), case.connect().await);
    while consume(&case, &heir, 100).await > 0 {}
    // The victim is known to be gone, so nobody has to wait for its lease.
    let left: StreamAutoClaimReply = connection
        .xautoclaim_options(QUEUE, GROUP, "heir", 0, "0", Default::default())
        .await
        .unwrap();
    for entry in &left.claimed {
        receive(&heir, entry, 2);
        heir.group(GROUP).done(&id_of(entry));
        ack(&heir, entry, &mut connection).await;
    }
    case.report().await
}

#[tokio::test]
async fn an_ack_before_the_handler_loses_what_the_handler_dies_with() {
    let report = die_in_the_handler(true).await;
    assert_eq!(report.broken(), [Invariant::I1], "{report}");
    assert_eq!(report.ids(Invariant::I1), ["m-1"].into());
}

#[tokio::test]
async fn an_ack_after_the_handler_loses_nothing() {
    let report = die_in_the_handler(false).await;
    report.assert_ok();
    let counts = report.counts;
    assert_eq!((counts.done, counts.redelivered, counts.crashes), (2, 1, 1));
}

/// The most messages that the queue is to hold.
const BOUND: usize = 10;

#[tokio::test]
async fn a_queue_that_is_trimmed_loses_what_nobody_had() {
    let case = Case::start().await;
    let publisher = case.ledger("publisher");
    for n in 0..30 {
        let id = format!("m-{n:02}");
        let mut command = redis::cmd("XADD");
        command.arg(QUEUE).arg("MAXLEN").arg("=").arg(BOUND);
        command.arg("*").arg("id").arg(&id);
        assert!(
            publish(&case, &publisher, &id, &command).await,
            "it never says full"
        );
    }
    let consumer = case.ledger("consumer");
    while consume(&case, &consumer, 100).await > 0 {}
    let report = case.report().await;
    assert_eq!(report.broken(), [Invariant::I1], "{report}");
    assert_eq!((report.counts.lost, report.counts.done), (20, 10));
    assert!(report.ids(Invariant::I1).contains("m-00"));
}

#[tokio::test]
async fn a_queue_that_refuses_loses_nothing() {
    let case = Case::start().await;
    let publisher = case.ledger("publisher");
    let consumer = case.ledger("consumer");
    for n in 0..30 {
        let id = format!("m-{n:02}");
        let mut command = redis::cmd("EVAL");
        command.arg(PUBLISH_BOUNDED).arg(1).arg(QUEUE);
        command.arg(&id).arg(BOUND);
        // The consumer is so slow that it only begins when there is no room.
        while !publish(&case, &publisher, &id, &command).await {
            assert_eq!(consume(&case, &consumer, 3).await, 3);
        }
    }
    let report = case.report().await;
    let waiting = report.ids(Invariant::I3).len();
    assert_eq!(
        report.broken(),
        [Invariant::I3],
        "not yet consumed: {report}"
    );
    assert_eq!(u64::try_from(waiting).unwrap() + report.counts.done, 30);
    while consume(&case, &consumer, 100).await > 0 {}
    let report = case.report().await;
    report.assert_ok();
    assert!(
        report.counts.full >= 7 && report.counts.done == 30,
        "{report}"
    );
}
