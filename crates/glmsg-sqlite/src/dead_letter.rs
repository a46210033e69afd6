//! Listing dead letters.

use bytes::Bytes;
use glmsg_broker::{DeadLetterQuery, DeadLetterSelector, Page, PageToken};
use glmsg_core::{DeadLetter, DeadLetterReason, MessageId, Original, Timestamp};
use rusqlite::{Connection, Row};

use crate::admin::GroupRow;
use crate::encode::{decode, decode_history};
use crate::error::{Outcome, Sql, not_ours};
use crate::snapshot::TopicRow;
use crate::writer::micros;

/// About how many bytes a page has.
const PAGE_BYTES: usize = 32 << 20;

/// A page of the dead letters that `query` means.
pub(crate) fn list(
    conn: &Connection,
    topic: &TopicRow,
    group: &GroupRow,
    query: &DeadLetterQuery,
    now: Timestamp,
) -> Outcome<Page<DeadLetter>> {
    let after: i64 = match &query.after {
        Some(page) => page
            .0
            .parse()
            .map_err(|_| not_ours("page token", &page.0).operation("dead letters"))?,
        None => 0,
    };
    let mut find = conn.prepare_cached(
        "SELECT n, id, reason, attempts, dead_at, detail, history, body FROM dead \
         WHERE grp = ? AND n > ? AND ? - dead_at <= ? ORDER BY n",
    )?;
    let age = micros(topic.config.dead_letter_age);
    let mut rows = find.query((group.id, after, now.as_micros(), age))?;
    let (mut items, mut last, mut size) = (Vec::new(), after, 0);
    let mut next = None;
    while let Some(row) = rows.next()? {
        if !is_meant(row, &query.selector)? {
            continue;
        }
        if items.len() >= query.limit || size >= PAGE_BYTES {
            next = Some(PageToken(last.to_string()));
            break;
        }
        let letter = read(row, query)?;
        last = row.get(0)?;
        size += row.get_ref(7)?.as_bytes().map_or(0, <[u8]>::len);
        items.push(letter);
    }
    Ok(Page { items, next })
}

fn is_meant(row: &Row<'_>, selector: &DeadLetterSelector) -> Sql<bool> {
    Ok(match selector {
        DeadLetterSelector::All => true,
        DeadLetterSelector::Reason(reason) => row.get::<_, i64>(2)? == i64::from(*reason as u8),
        DeadLetterSelector::Ids(ids) => ids.contains(&id(row)?),
    })
}

fn id(row: &Row<'_>) -> Sql<MessageId> {
    let bytes = row.get_ref(1)?.as_bytes().unwrap_or_default();
    Ok(MessageId::from_bytes(bytes.try_into().unwrap_or_default()))
}

fn read(row: &Row<'_>, query: &DeadLetterQuery) -> Sql<DeadLetter> {
    let body = Bytes::copy_from_slice(row.get_ref(7)?.as_bytes().unwrap_or_default());
    let original = match decode(&body) {
        Ok(message) => Original::Message(message),
        Err(_) => Original::Bytes(body),
    };
    let reason: u8 = row.get(2)?;
    let reason = DeadLetterReason::ALL.get(usize::from(reason)).copied();
    let detail: String = row.get(5)?;
    Ok(DeadLetter {
        id: id(row)?,
        topic: query.topic.clone(),
        group: query.group.clone(),
        original,
        reason: reason.unwrap_or(DeadLetterReason::Undecodable),
        detail: detail.into(),
        attempts: row.get(3)?,
        history: decode_history(row.get_ref(6)?.as_bytes_or_null().ok().flatten()),
        dead_at: Timestamp::from_micros(row.get(4)?),
    })
}
