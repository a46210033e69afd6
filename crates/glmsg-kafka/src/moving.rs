//! Sending what leaves its partition: to another tier, or to the dead letters.

use std::sync::Arc;

use glmsg_core::{DeadLetterReason, MessageId, Result, Timestamp};

use crate::entry::Entry;
use crate::group::Group;
use crate::inbox::Moved;
use crate::producer::Record;
use crate::record::{self, Sent};
use crate::retry::tier;

/// The headers of a dead letter.
pub(crate) const LETTER: &str = "gm-letter";
pub(crate) const REASON: &str = "gm-reason";
pub(crate) const DETAIL: &str = "gm-detail";
pub(crate) const DEAD_AT: &str = "gm-dead-at";

/// Sends on what has waited as long as its tier has.
pub(crate) fn on(group: &Arc<Group>, moved: Vec<Moved>) {
    for moved in moved {
        let group = Arc::clone(group);
        group.runtime.clone().spawn(async move {
            let due = moved.entry.due.unwrap_or_else(|| group.now());
            let _ = to_retry(&group, &moved, due).await;
        });
    }
}

/// Has a message wait in the retry topic, or here while that cannot be reached.
pub(crate) async fn to_retry(group: &Arc<Group>, moved: &Moved, due: Timestamp) -> Result<()> {
    let tier = tier(due.since(group.now()));
    let sent = record::write(&moved.entry);
    let record = Record {
        topic: &group.names.retry,
        partition: Some(tier),
        key: moved.entry.key().map(str::as_bytes),
        value: Some(&sent.value),
        headers: Some(&sent.headers),
    };
    let result = group.link.producer.send_one(record).await;
    group.end_retry(moved, result)
}

/// Makes a dead letter of a message.
pub(crate) async fn bury(
    group: &Arc<Group>,
    moved: &Moved,
    reason: DeadLetterReason,
    detail: &str,
) -> Result<()> {
    let sent = letter(&moved.entry, reason, detail, group.now());
    let record = Record {
        topic: &group.names.dead,
        partition: Some(0),
        key: moved.entry.key().map(str::as_bytes),
        value: Some(&sent.value),
        headers: Some(&sent.headers),
    };
    let result = group.link.producer.send_one(record).await;
    group.end_burial(moved, &result);
    result
}

/// An entry as a dead letter.
pub(crate) fn letter(
    entry: &Entry,
    reason: DeadLetterReason,
    detail: &str,
    now: Timestamp,
) -> Sent {
    let id = entry.message().map_or_else(MessageId::new, |m| m.id());
    let mut sent = record::write(entry);
    sent.headers.put(LETTER, Some(id.to_string().as_bytes()));
    sent.headers.put(REASON, Some(reason.as_str().as_bytes()));
    sent.headers.put(DETAIL, Some(detail.as_bytes()));
    // When its last attempt ended, where it is that which it died of.
    let last = entry.history.last().map(|attempt| attempt.at);
    let dead_at = last.filter(|_| reason != DeadLetterReason::Expired);
    let dead_at = dead_at.unwrap_or(now).as_micros();
    sent.headers
        .put(DEAD_AT, Some(dead_at.to_string().as_bytes()));
    sent
}
