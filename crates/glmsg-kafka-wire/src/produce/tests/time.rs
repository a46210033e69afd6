//! Records whose time is over.

use std::time::Duration;

use glmsg_core::ErrorKind;
use tokio::time::Instant;

use super::script::{Act, Inner, LOGIN, Say, Script};
use super::{LONG, Producer, SHORT, is_unanswered, one, record, refused, send, soon, with, within};
use crate::{Cluster, Endpoint, Failure, Login, Mechanism, Password};

/// Why something was not sent.
fn unsent(result: Result<(), Failure>) -> ErrorKind {
    match result {
        Err(Failure::Unsent(error)) => error.kind(),
        other => panic!("it is not unsent: {other:?}"),
    }
}

#[tokio::test]
async fn silence_is_told_when_the_time_is_over() {
    for stores in [true, false] {
        let (script, producer) = with(within(SHORT)).await;
        send(&producer, "a").await.unwrap();
        script.world.then([Act::KeepSilent { stores }]);
        let begun = Instant::now();
        let told = send(&producer, "b").await;
        assert!(is_unanswered(&told), "{told:?}");
        let took = begun.elapsed();
        assert!(took >= SHORT && took < SHORT * 20, "{took:?}");
        // On another connection.
        send(&producer, "c").await.unwrap();
        let sent = script.world.sent();
        assert_ne!(sent[1].connection, sent[2].connection);
        assert_eq!(sent[2].place(), (1000, 1, 0));
        let wanted: &[&str] = if stores {
            &["a", "b", "c"]
        } else {
            &["a", "c"]
        };
        assert_eq!(script.world.stored(0), wanted);
    }
}

#[tokio::test]
async fn what_waits_behind_it_is_told_as_never_sent() {
    let (script, producer) = with(within(SHORT)).await;
    script.world.then([Act::KeepSilent { stores: false }]);
    let first = producer.send(record(0, "a"));
    let second = async {
        script.world.arrived(1).await;
        producer.send(record(0, "b")).await
    };
    let (first, second) = soon(async { tokio::join!(first, second) }).await;
    assert!(is_unanswered(&first), "{first:?}");
    // Its time may be over as soon as that of the first, or it may be sent just before.
    if second.is_ok() {
        assert_eq!(script.world.stored(0), ["b"]);
    } else {
        unsent(second);
        assert!(script.world.stored(0).is_empty());
    }
    send(&producer, "c").await.unwrap();
}

#[tokio::test]
async fn what_has_no_leader_is_told_as_never_sent() {
    let script = Script::new(1, &[-1]).await;
    let producer = Producer::new(script.cluster(), within(SHORT));
    unsent(send(&producer, "a").await);
    script.world.lead(0, 0);
    send(&producer, "b").await.unwrap();
    script.world.lead(0, -1);
    // It was sent, to one that is the leader no more, since when it does not say.
    let told = send(&producer, "c").await;
    assert!(is_unanswered(&told), "{told:?}");
    script.world.lead(0, 0);
    send(&producer, "d").await.unwrap();
    assert_eq!(script.world.stored(0), ["b", "d"]);
}

#[tokio::test]
async fn nobody_there_is_told_as_never_sent() {
    let (mut script, producer) = with(within(SHORT)).await;
    script.stop(0).await;
    // Not even the partitions are known.
    assert_eq!(unsent(send(&producer, "a").await), ErrorKind::Unavailable);
    script.start(0).await;
    send(&producer, "b").await.unwrap();
    script.stop(0).await;
    // It may go out on the connection that has ended.
    let told = send(&producer, "c").await;
    assert!(is_unanswered(&told), "{told:?}");
    for _ in 0..3 {
        assert_eq!(unsent(send(&producer, "d").await), ErrorKind::Unavailable);
    }
    script.start(0).await;
    send(&producer, "e").await.unwrap();
    assert_eq!(script.world.stored(0), ["b", "e"]);
}

#[tokio::test]
async fn a_topic_that_is_gone_is_refused() {
    let (script, producer) = with(within(SHORT)).await;
    send(&producer, "a").await.unwrap();
    // Deleted: brokers and the cluster do not know it.
    script.world.inner().code = 3;
    script.world.rule(|_, _| Act::Each(Say::Code(3)));
    assert_eq!(refused(send(&producer, "b").await), 3);
    // Not allowed any more.
    script.world.inner().code = 29;
    assert_eq!(refused(send(&producer, "c").await), 29);
    script.world.inner().code = 0;
    script.world.rule(|_, _| Act::Store);
    send(&producer, "d").await.unwrap();
    assert_eq!(script.world.stored(0), ["a", "d"]);
}

#[tokio::test]
async fn a_code_that_does_not_pass_is_told_in_the_end() {
    let (script, producer) = with(within(SHORT)).await;
    script.world.rule(|_, _| Act::Each(Say::Code(19)));
    assert_eq!(refused(send(&producer, "a").await), 19);
    script.world.rule(|_, _| Act::Each(Say::CodeButStore(20)));
    let told = send(&producer, "b").await;
    assert!(is_unanswered(&told), "{told:?}");
    script.world.rule(|_, _| Act::Store);
    send(&producer, "c").await.unwrap();
    assert_eq!(script.world.stored(0), ["b", "c"]);
}

#[tokio::test]
async fn trouble_that_is_over_is_not_given_as_the_reason() {
    let (mut script, producer) = with(within(SHORT)).await;
    send(&producer, "a").await.unwrap();
    script.stop(0).await;
    let _ = send(&producer, "b").await;
    assert_eq!(unsent(send(&producer, "c").await), ErrorKind::Unavailable);
    script.start(0).await;
    send(&producer, "d").await.unwrap();
    // All can be reached, and nobody leads it.
    script.world.lead(0, -1);
    script.world.rule(|_, _| Act::Each(Say::CodeButStore(7)));
    match send(&producer, "e").await {
        Err(Failure::Unanswered(error)) => assert_eq!(error.kind(), ErrorKind::Timeout),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_number_that_is_not_given_is_told_as_never_sent() {
    let (script, producer) = with(within(SHORT)).await;
    script.world.inner().identity.0 = 31;
    let Err(Failure::Unsent(error)) = send(&producer, "a").await else {
        panic!("it is sent");
    };
    assert!(error.context("code").is_some(), "{error}");
    script.world.inner().identity.0 = 0;
    send(&producer, "b").await.unwrap();
    assert_eq!(script.world.stored(0), ["b"]);
}

#[tokio::test]
async fn a_connection_that_was_idle_for_long_is_not_trusted() {
    let (script, producer) = one().await;
    send(&producer, "a").await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(241)).await;
    tokio::time::resume();
    send(&producer, "b").await.unwrap();
    let sent = script.world.sent();
    assert_ne!(sent[0].connection, sent[1].connection);
    send(&producer, "c").await.unwrap();
    let sent = script.world.sent();
    assert_eq!(sent[1].connection, sent[2].connection);
}

#[tokio::test]
async fn a_login_whose_time_is_over_is_made_anew() {
    let script = Script::new(1, &[0]).await;
    let login = Login {
        mechanism: Mechanism::Plain,
        user: "me".to_owned(),
        password: Password::Text("c4n4ry".to_owned()),
    };
    let cluster = Cluster::new(Endpoint {
        login: Some(login),
        ..script.endpoint()
    });
    let producer = Producer::new(cluster, within(LONG));
    send(&producer, "a").await.unwrap();
    tokio::time::pause();
    // Before the broker ends it.
    tokio::time::advance(Duration::from_millis(LOGIN.unsigned_abs() * 9 / 10)).await;
    tokio::time::resume();
    send(&producer, "b").await.unwrap();
    let sent = script.world.sent();
    assert_ne!(sent[0].connection, sent[1].connection);
    assert_eq!(sent[1].place(), (1000, 0, 1));
}

#[tokio::test]
async fn a_cluster_that_says_nothing_holds_nobody_up_for_ever() {
    let (script, producer) = with(within(SHORT)).await;
    script.world.rule(|_, _| Act::KeepSilent { stores: false });
    let many = (0..4).map(|n| n.to_string());
    for value in many {
        let told = send(&producer, &value).await;
        assert!(is_unanswered(&told), "{told:?}");
    }
    assert!(producer.flush(LONG).await);
    let is_asked = |inner: &Inner| inner.arrived == 4;
    script.world.until("each was sent once", is_asked).await;
}
