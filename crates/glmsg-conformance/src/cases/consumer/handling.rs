//! What reaches a handler, and what does not.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Consumer, HandlerError, Incoming};
use glmsg_core::{ContentType, DeadLetterReason, ErrorKind, Message, wire};

use super::{Journal, drain, eager, keep_time};
use crate::Fixture;
use crate::member::past_soon;
use crate::messages::{
    build, builder, dead_letters, error_kind, ids, lag, message, numbered, only_dead_letter, store,
    topic,
};
use crate::watch::Watch;

/// `Ok` acks: every message is handled once, and nothing is left.
///
/// Promise 1
pub async fn what_is_handled_is_acked<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let messages = numbered(200);
    store(&broker, &messages).await;
    let journal = Journal::default();
    let log = journal.clone();
    let handler = move |incoming: Incoming| {
        log.note(incoming.id(), incoming.attempt());
        async { Ok(()) }
    };
    let consumer = eager(&broker).start(handler).await.expect("starts");
    watch.until("200 acks", |seen| seen.acked == 200).await;
    drain(consumer).await;
    journal.assert_each_once(&ids(&messages));
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// A payload that the handler cannot decode makes its message a dead letter `Undecodable`, without
/// a retry, and the next message is handled.
///
/// Promise 5, 14
pub async fn a_payload_that_is_not_what_the_handler_takes_is_undecodable<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let json = |text: String| build(builder(&text).content_type(ContentType::JSON));
    let bombs = [
        json("not json".into()),
        json(String::new()),
        json("[".repeat(200_000)),
        json("\"a string\"".into()),
        json("-1".into()),
    ];
    store(&broker, &bombs).await;
    store(&broker, &[json("42".into())]).await;
    let handler = |incoming: Incoming| async move {
        let number: u32 = incoming.decode()?;
        assert_eq!(number, 42);
        Ok::<(), HandlerError>(())
    };
    let consumer = eager(&broker).start(handler).await.expect("starts");
    watch
        .until("five dead letters and one ack", |seen| {
            seen.nacks.len() == 5 && seen.acked == 1
        })
        .await;
    drain(consumer).await;
    let dead = dead_letters(&broker, "g").await;
    let mut found: Vec<_> = dead.iter().map(|d| d.message().cloned()).collect();
    found.sort_by_key(|m| m.as_ref().map(Message::id));
    assert_eq!(found, bombs.map(Some), "with their bytes as they were");
    for dead in dead {
        assert_eq!(dead.reason, DeadLetterReason::Undecodable);
        assert_eq!(dead.attempts, 1, "bytes do not get better by a retry");
    }
}

/// Bytes in the store that are no message become dead letters, and a consumer goes on.
///
/// Promise 14
pub async fn undecodable_bytes_do_not_stop_a_consumer<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let messages = numbered(10);
    let mut injected = 0;
    for sent in &messages {
        injected += usize::from(f.inject_raw(&topic(), b"no message").await);
        store(&broker, std::slice::from_ref(sent)).await;
    }
    let consumer = eager(&broker).start(|_: Incoming| async { Ok(()) });
    let consumer = consumer.await.expect("starts");
    watch.until("ten acks", |seen| seen.acked == 10).await;
    drain(consumer).await;
    assert_eq!(dead_letters(&broker, "g").await.len(), injected);
    assert_eq!(lag(&broker, "g").await.total(), 0);
}

/// A message whose content does not match its provenance becomes a dead letter before any handler
/// sees it.
///
/// Promise 14
pub async fn a_tampered_message_is_not_handled<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let tampered = tamper(&message("pay 10 to alice"), b"10 to alice", b"99 to mallo");
    let sound = message("pay 5 to bob");
    store(&broker, &[tampered.clone(), sound.clone()]).await;
    let journal = Journal::default();
    let log = journal.clone();
    let handler = move |incoming: Incoming| {
        log.note(incoming.id(), incoming.attempt());
        async { Ok(()) }
    };
    let consumer = eager(&broker).start(handler).await.expect("starts");
    watch
        .until("an ack and a dead letter", |seen| {
            seen.acked == 1 && seen.nacks.len() == 1
        })
        .await;
    drain(consumer).await;
    journal.assert_each_once(&[sound.id()]);
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(
        (dead.id, dead.reason),
        (tampered.id(), DeadLetterReason::BadProvenance)
    );
}

/// The message with some of its stored bytes replaced by others, its provenance left as it was.
fn tamper(message: &Message, from: &[u8], to: &[u8]) -> Message {
    let mut bytes = wire::encode(message).to_vec();
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .expect("the payload stands in the envelope as it is");
    bytes[at..at + to.len()].copy_from_slice(to);
    wire::decode(&bytes.into(), 1 << 20).expect("still an envelope")
}

/// A message past its time to live does not reach a handler.
///
/// Promise 5
pub async fn an_expired_message_is_not_handled<F: Fixture>(f: F) {
    let (broker, watch) = Watch::over(f.broker().await);
    let old = build(builder("old").ttl(F::soon()));
    store(&broker, std::slice::from_ref(&old)).await;
    f.pass(past_soon::<F>()).await;
    let new = message("new");
    store(&broker, std::slice::from_ref(&new)).await;
    let f = Arc::new(f);
    let _time = keep_time(&f);
    let journal = Journal::default();
    let log = journal.clone();
    let handler = move |incoming: Incoming| {
        log.note(incoming.id(), incoming.attempt());
        async { Ok(()) }
    };
    let consumer = eager(&broker).start(handler).await.expect("starts");
    watch.until("an ack", |seen| seen.acked == 1).await;
    let stats = consumer.stats();
    assert_eq!(stats.expired, 1, "the statistics tell");
    drain(consumer).await;
    journal.assert_each_once(&[new.id()]);
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(
        (dead.id, dead.reason),
        (old.id(), DeadLetterReason::Expired)
    );
}

/// A topic or group that is no valid name, or a lease that makes no sense, is reported when the
/// consumer is started, not later.
pub async fn wrong_names_are_reported_at_the_start<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let wrong = [
        Consumer::new(broker.clone(), "../etc", "g"),
        Consumer::new(broker.clone(), "", "g"),
        Consumer::new(broker.clone(), "nul\0", "g"),
        Consumer::new(broker.clone(), "t", "a b"),
        Consumer::new(broker.clone(), "t", "g").lease(Duration::ZERO),
    ];
    for builder in wrong {
        let started = builder.start(|_: Incoming| async { Ok(()) }).await;
        let kind = error_kind("a wrong name", started.map(|_| ()));
        assert_eq!(kind, ErrorKind::InvalidArgument);
    }
    assert_eq!(broker.topics().await.expect("a list"), []);
}
