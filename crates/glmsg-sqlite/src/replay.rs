//! Reading a topic without a group, and finding places in it.

use std::ops::Range;

use bytes::Bytes;
use glmsg_broker::{Position, ReplayQuery, StartFrom, Stored};
use glmsg_core::{Error, ErrorKind, Timestamp, TopicName};
use rusqlite::{Connection, OptionalExtension, Rows};

use crate::encode;
use crate::error::{Outcome, Sql, not_ours};
use crate::place::{LANES, lane_of, number_of, seq};
use crate::snapshot::TopicRow;

/// About how many bytes a page has.
const PAGE_BYTES: usize = 32 << 20;

/// A place in the stored order of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    First,
    End,
    /// The first message of this `ord` or a later one.
    Ord(i64),
    /// The first message stored at this time or later.
    At(Timestamp),
}

impl Start {
    /// Where `from` is; refused if there is no such message. No topic is an empty topic.
    pub(crate) fn find(
        conn: &Connection,
        name: &TopicName,
        topic: Option<i64>,
        from: &StartFrom,
    ) -> Outcome<Self> {
        match from {
            StartFrom::Earliest => Ok(Self::First),
            StartFrom::Latest => Ok(Self::End),
            StartFrom::Time(at) => Ok(Self::At(*at)),
            StartFrom::After(position) => {
                let text = position.as_str();
                let ord: Option<i64> = text.parse().ok().filter(|ord| *ord >= 0);
                let ord = ord.ok_or_else(|| not_ours("position", text))?;
                Ok(Self::Ord(ord.saturating_add(1)))
            }
            StartFrom::Message(id) => {
                let mut find =
                    conn.prepare_cached("SELECT seq, ord FROM message WHERE topic = ? AND id = ?")?;
                let found: Option<(i64, i64)> = find
                    .query_row((topic, id.as_bytes()), |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                match found {
                    Some((seq, ord)) if lane_of(seq) < LANES => Ok(Self::Ord(ord)),
                    _ => Err(
                        Error::new(ErrorKind::NotFound, "the topic holds no such message")
                            .with("topic", name)
                            .with("message", id)
                            .into(),
                    ),
                }
            }
        }
    }

    /// The number in a lane that holds `range`.
    pub(crate) fn cursor(
        &self,
        conn: &Connection,
        topic: i64,
        lane: usize,
        range: Range<i64>,
    ) -> Sql<i64> {
        match self {
            Self::First => return Ok(range.start),
            Self::End => return Ok(range.end),
            Self::Ord(_) | Self::At(_) => {}
        }
        let mut find = conn.prepare_cached(
            "SELECT seq, ord, at FROM message WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT 1",
        )?;
        // Both grow with the number. Rows that are not there count as the next that is.
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            let bounds = (seq(topic, lane, middle), seq(topic, lane, high));
            let found: Option<(i64, i64, i64)> = find
                .query_row(bounds, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            match found {
                Some((seq, ord, at)) if self.is_behind(ord, at) => low = number_of(seq) + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// `true` if it lies behind a message.
    fn is_behind(&self, ord: i64, at: i64) -> bool {
        match self {
            Self::First => false,
            Self::End => true,
            Self::Ord(start) => ord < *start,
            Self::At(start) => at < start.as_micros(),
        }
    }
}

/// A message of a lane that is next in line.
struct Next {
    ord: i64,
    at: Timestamp,
    body: Bytes,
}

fn next(rows: &mut Rows<'_>) -> Sql<Option<Next>> {
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let body = row.get_ref(2)?.as_bytes_or_null().ok().flatten();
    Ok(Some(Next {
        ord: row.get(0)?,
        at: Timestamp::from_micros(row.get(1)?),
        body: Bytes::copy_from_slice(body.unwrap_or_default()),
    }))
}

/// Reads a page: the four lanes, merged by stored order.
pub(crate) fn read(
    conn: &Connection,
    topic: &TopicRow,
    query: &ReplayQuery,
) -> Outcome<Vec<Stored>> {
    let start = Start::find(conn, &query.topic, Some(topic.id), &query.from)?;
    let sql = "SELECT ord, at, body FROM message WHERE seq >= ? AND seq < ? ORDER BY seq";
    let mut lanes = Vec::with_capacity(LANES);
    for _ in 0..LANES {
        lanes.push(conn.prepare_cached(sql)?);
    }
    let mut heads = Vec::with_capacity(LANES);
    for (lane, statement) in lanes.iter_mut().enumerate() {
        let range = topic.first[lane]..topic.next[lane];
        let end = seq(topic.id, lane, range.end);
        let from = start.cursor(conn, topic.id, lane, range)?;
        let mut rows = statement.query((seq(topic.id, lane, from), end))?;
        if let Some(head) = next(&mut rows)? {
            heads.push((head, rows));
        }
    }
    let (mut page, mut size) = (Vec::new(), 0);
    while page.len() < query.limit && size < PAGE_BYTES {
        let oldest = heads
            .iter()
            .enumerate()
            .min_by_key(|(_, (head, _))| head.ord);
        let Some(at) = oldest.map(|(at, _)| at) else {
            break;
        };
        let (head, rows) = &mut heads[at];
        let taken = match next(rows)? {
            Some(next) => std::mem::replace(head, next),
            None => heads.swap_remove(at).0,
        };
        size += taken.body.len();
        page.push(Stored {
            position: Position::new(taken.ord.to_string()),
            stored_at: taken.at,
            message: encode::stored(&taken.body),
        });
    }
    Ok(page)
}
