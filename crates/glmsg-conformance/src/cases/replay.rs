//! Replay: what is stored can be read again, from anywhere, whoever has acked it.

use std::time::{Duration, Instant};

use glmsg_broker::{ReplayQuery, StartFrom};
use glmsg_core::{ErrorKind, MessageId, Priority, Timestamp};

use crate::member::Member;
use crate::messages::{
    build, builder, error_kind, ids, lag, message, numbered, replay, replayed_ids, store, topic,
};
use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! replay_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { replay ["replay.rs"] [
            everything_is_replayed_in_stored_order (Replay),
            priorities_do_not_change_stored_order (Replay Priorities),
            acked_messages_are_replayed (Replay),
            a_replay_takes_nothing_from_groups (Replay),
            a_replay_pages_to_the_end (Replay),
            a_replay_may_start_at_a_message (Replay),
            a_replay_may_start_at_a_time (Replay),
            the_latest_is_nothing (Replay),
            scheduled_messages_are_replayed_when_due (Replay Scheduling),
            an_unknown_start_is_not_found (Replay),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    replay_cases!(__list)
}

/// A replay from the start gives every message in the order stored, whole, with its time.
///
/// Promise 12
pub async fn everything_is_replayed_in_stored_order<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(50);
    for part in messages.chunks(9) {
        store(&broker, part).await;
    }
    let stored = replay(&broker, StartFrom::Earliest).await;
    let found: Vec<_> = stored
        .iter()
        .map(|s| s.message.clone().expect("whole"))
        .collect();
    assert_eq!(found, messages);
    assert!(stored.is_sorted_by_key(|s| s.stored_at), "times in order");
    assert!(stored[0].stored_at > Timestamp::EPOCH);
}

/// Stored order is that of publishing, whatever the priorities.
///
/// Promise 12
pub async fn priorities_do_not_change_stored_order<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages: Vec<_> = (0..20)
        .map(|n| build(builder(&n.to_string()).priority(Priority::ALL[n * 7 % 4])))
        .collect();
    // One by one: between priorities of one call there is no order.
    for part in messages.chunks(1) {
        store(&broker, part).await;
        f.pass(Duration::from_millis(1)).await;
    }
    let stored = replay(&broker, StartFrom::Earliest).await;
    assert_eq!(replayed_ids(&stored), ids(&messages));
}

/// Messages stay readable after every group has acked them.
///
/// Promise 12
pub async fn acked_messages_are_replayed<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(10);
    store(&broker, &messages).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.take(10).await;
    member.ack_all(&got[..9]).await;
    member.reject(&got[9], "bad").await;
    let stored = replay(&broker, StartFrom::Earliest).await;
    assert_eq!(replayed_ids(&stored), ids(&messages));
}

/// A replay neither delivers nor acks anything.
///
/// Promise 12
pub async fn a_replay_takes_nothing_from_groups<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut member = Member::join(&broker, "g").await;
    store(&broker, &numbered(10)).await;
    assert_eq!(replay(&broker, StartFrom::Earliest).await.len(), 10);
    let now = lag(&broker, "g").await;
    assert_eq!((now.undelivered, now.in_flight), (10, 0));
    let got = member.take(10).await;
    assert!(got.iter().all(|d| d.attempt == 1));
    assert_eq!(replay(&broker, StartFrom::Earliest).await.len(), 10);
}

/// Page by page, each going on behind the last position, a replay reaches the end and sees
/// everything once, also what is published meanwhile.
///
/// Promise 12
pub async fn a_replay_pages_to_the_end<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut messages = numbered(25);
    store(&broker, &messages).await;
    let mut seen = Vec::new();
    let mut from = StartFrom::Earliest;
    loop {
        let query = ReplayQuery::new(topic(), from.clone()).limit(10);
        let page = within("a page", broker.replay(&query)).await;
        let page = page.expect("a page");
        assert!(page.len() <= 10, "a page of at most ten");
        seen.extend(replayed_ids(&page));
        match page.last() {
            Some(last) => from = StartFrom::After(last.position.clone()),
            None if messages.len() == 25 => {
                let late = numbered(5);
                store(&broker, &late).await;
                messages.extend(late);
            }
            None => break,
        }
    }
    assert_eq!(seen, ids(&messages));
}

/// A replay from a message begins with that message.
///
/// Promise 12
pub async fn a_replay_may_start_at_a_message<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let messages = numbered(10);
    store(&broker, &messages).await;
    let stored = replay(&broker, StartFrom::Message(messages[4].id())).await;
    assert_eq!(replayed_ids(&stored), ids(&messages[4..]));
}

/// A replay from a time begins with the first message stored then or later.
///
/// Promise 12
pub async fn a_replay_may_start_at_a_time<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let old = numbered(3);
    store(&broker, &old).await;
    f.pass(Duration::from_millis(10)).await;
    let new = numbered(3);
    store(&broker, &new).await;
    let all = replay(&broker, StartFrom::Earliest).await;
    let (last_old, first_new) = (all[2].stored_at, all[3].stored_at);
    assert!(last_old < first_new, "time has passed between the two");
    let at = replay(&broker, StartFrom::Time(first_new)).await;
    assert_eq!(replayed_ids(&at), ids(&new), "stored at the very time");
    let between = last_old.after(Duration::from_micros(1));
    let at = replay(&broker, StartFrom::Time(between)).await;
    assert_eq!(replayed_ids(&at), ids(&new), "stored later");
    let at = replay(&broker, StartFrom::Time(Timestamp::EPOCH)).await;
    assert_eq!(at.len(), 6);
    let never = first_new.after(Duration::from_secs(1 << 40));
    assert_eq!(replay(&broker, StartFrom::Time(never)).await, []);
}

/// A replay from the latest finds nothing.
pub async fn the_latest_is_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &numbered(3)).await;
    assert_eq!(replay(&broker, StartFrom::Latest).await, []);
}

/// A scheduled message is not replayed before it is due; then it stands at the end, with the time
/// it became due.
///
/// Promise 6
pub async fn scheduled_messages_are_replayed_when_due<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let delay = 10 * F::soon();
    let began = Instant::now();
    let later = build(builder("later").delay(delay));
    let now = message("now");
    store(&broker, &[later.clone(), now.clone()]).await;
    // A backend may take its time to store, and the delay counts from before.
    let storing = began.elapsed();
    let hour = build(builder("much later").delay(Duration::from_secs(3600)));
    store(&broker, std::slice::from_ref(&hour)).await;
    let mut member = Member::join(&broker, "g").await;
    f.pass(delay).await;
    // Receiving it is the event that it is due.
    assert_eq!(
        crate::member::received_ids(&member.take(2).await),
        [now.id(), later.id()]
    );
    let stored = replay(&broker, StartFrom::Earliest).await;
    assert_eq!(replayed_ids(&stored), [now.id(), later.id()]);
    let waited = stored[1].stored_at.since(stored[0].stored_at);
    assert!(
        waited + storing + F::soon() >= delay,
        "stored when due, {waited:?} after the other"
    );
}

/// A replay from a message that the topic does not hold is refused.
pub async fn an_unknown_start_is_not_found<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("known")]).await;
    let query = ReplayQuery::new(topic(), StartFrom::Message(MessageId::new()));
    let kind = error_kind("a replay", broker.replay(&query).await);
    assert_eq!(kind, ErrorKind::NotFound);
}
