//! Places within a frame.

use glmsg_broker::{Position, ReplayQuery, StartFrom};
use glmsg_core::ErrorKind;

use super::{assert_done, framed};
use crate::Fixture;
use crate::member::{Member, options, received_ids};
use crate::messages::{error_kind, ids, lag, numbered, replay, replayed_ids, store, topic};
use crate::patience::within;

/// A replay can stop and go on at any message, also within a frame, page by page.
///
/// Promise 12
pub async fn a_replay_goes_on_within_a_frame<F: Fixture>(f: F) {
    let (broker, mut messages) = framed(&f, 12).await;
    let more = numbered(9);
    store(&broker, &more).await;
    messages.extend(more);
    let whole = replay(&broker, StartFrom::Earliest).await;
    assert_eq!(replayed_ids(&whole), ids(&messages));
    for limit in [1, 5, 12, 20, 21] {
        let (mut found, mut from) = (Vec::new(), StartFrom::Earliest);
        loop {
            let query = ReplayQuery::new(topic(), from).limit(limit);
            let page = within("a page", broker.replay(&query)).await;
            let page = page.expect("a page");
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            from = StartFrom::After(last.position.clone());
            found.extend(replayed_ids(&page));
        }
        assert_eq!(found, ids(&messages), "by {limit}");
    }
    let from = StartFrom::Message(messages[7].id());
    let rest = replay(&broker, from).await;
    assert_eq!(replayed_ids(&rest), ids(&messages[7..]));
    let from = StartFrom::Time(whole[12].stored_at);
    let rest = replay(&broker, from).await;
    assert!(replayed_ids(&rest).ends_with(&ids(&messages[12..])));
    for hostile in ["1-1.", "1-1.x", "1-1.+1", "1-1.1.1", "1-1.99999999", ".1"] {
        let from = StartFrom::After(Position::new(hostile));
        let refused = broker.replay(&ReplayQuery::new(topic(), from)).await;
        let kind = error_kind(hostile, refused);
        assert_eq!(kind, ErrorKind::InvalidArgument, "{hostile}");
    }
}

/// A group that starts at or behind a message within a frame gets that message's followers and
/// nothing before them.
///
/// Promise 12
pub async fn a_group_may_start_within_a_frame<F: Fixture>(f: F) {
    let (broker, mut messages) = framed(&f, 10).await;
    let more = numbered(3);
    store(&broker, &more).await;
    messages.extend(more);
    let whole = replay(&broker, StartFrom::Earliest).await;
    let at = StartFrom::Message(messages[6].id());
    let behind = StartFrom::After(whole[5].position.clone());
    let behind_all = StartFrom::After(whole[9].position.clone());
    for (name, start, first) in [
        ("at", at, 6),
        ("behind", behind, 6),
        ("behind-all", behind_all, 10),
    ] {
        let options = options(name).start(start);
        let mut member = Member::join_with(&broker, &options).await;
        let expected = ids(&messages[first..]);
        let total = expected.len() as u64;
        assert_eq!(lag(&broker, name).await.total(), total, "{name}");
        let got = member.take(expected.len()).await;
        assert_eq!(received_ids(&got), expected, "{name}");
        assert!(got.iter().all(|d| d.attempt == 1 && d.history.is_empty()));
        member.ack_all(&got).await;
        assert_eq!(lag(&broker, name).await.total(), 0, "{name}");
    }
    assert_done(&broker, "at").await;
}
