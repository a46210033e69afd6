//! What an operator sees: topics, groups, members, lag.

use glmsg_broker::{GroupInfo, Lag, MemberInfo, Ordering, TopicInfo};
use glmsg_core::{GroupName, MemberName, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::error::{Outcome, Sql, no_group};
use crate::place::{LANES, seq};
use crate::snapshot::TopicRow;
use crate::writer::{BLOCKED_NEW, BLOCKED_WAITING, LEASED, READY, WAITING, micros, ordering};

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// A group's row.
#[derive(Debug)]
pub(crate) struct GroupRow {
    pub(crate) id: i64,
    ordering: Ordering,
    cursor: [i64; LANES],
}

impl GroupRow {
    pub(crate) fn find(conn: &Connection, topic: &TopicRow, name: &GroupName) -> Outcome<Self> {
        let mut find = conn.prepare_cached(
            "SELECT id, ordering, cursor0, cursor1, cursor2, cursor3 FROM grp \
             WHERE topic = ? AND name = ?",
        )?;
        let found = find.query_row((topic.id, name.as_str()), |row| {
            let mut cursor = [0; LANES];
            for (lane, cursor) in cursor.iter_mut().enumerate() {
                *cursor = row.get(2 + lane)?;
            }
            Ok(Self {
                id: row.get(0)?,
                ordering: ordering(row.get(1)?),
                cursor,
            })
        });
        let found = found.optional()?;
        found.ok_or_else(|| no_group(&topic.name, name).into())
    }
}

/// A topic as an operator sees it.
pub(crate) fn topic_info(conn: &Connection, topic: TopicRow, now: Timestamp) -> Sql<TopicInfo> {
    let mut groups = conn.prepare_cached("SELECT count(*) FROM grp WHERE topic = ?")?;
    let groups: i64 = groups.query_row([topic.id], |row| row.get(0))?;
    let mut dead = conn.prepare_cached(
        "SELECT count(*) FROM grp JOIN dead ON dead.grp = grp.id \
         WHERE grp.topic = ? AND ? - dead.dead_at <= ?",
    )?;
    let age = micros(topic.config.dead_letter_age);
    let dead: i64 = dead.query_row((topic.id, now.as_micros(), age), |row| row.get(0))?;
    Ok(TopicInfo {
        messages: topic.len(),
        scheduled: topic.scheduled,
        groups: count(groups),
        dead_letters: count(dead),
        name: topic.name,
        config: topic.config,
    })
}

/// The groups of a topic, by name.
pub(crate) fn groups(conn: &Connection, topic: &TopicRow, now: Timestamp) -> Sql<Vec<GroupInfo>> {
    let mut find = conn.prepare_cached(
        "SELECT name, ordering, created_at, (SELECT count(DISTINCT m.name) FROM member m \
         WHERE m.grp = grp.id AND m.seen_at + 3 * m.lease >= ?2) \
         FROM grp WHERE topic = ?1 ORDER BY name",
    )?;
    let mut rows = find.query((topic.id, now.as_micros()))?;
    let mut groups = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        if let Ok(name) = GroupName::new(name) {
            groups.push(GroupInfo {
                topic: topic.name.clone(),
                name,
                ordering: ordering(row.get(1)?),
                members: count(row.get(3)?),
                created_at: Timestamp::from_micros(row.get(2)?),
            });
        }
    }
    Ok(groups)
}

/// The members of a group, by name.
pub(crate) fn members(conn: &Connection, group: &GroupRow, now: Timestamp) -> Sql<Vec<MemberInfo>> {
    let mut find = conn.prepare_cached(
        "SELECT m.name, max(m.seen_at), sum((SELECT count(*) FROM delivery d \
         WHERE d.grp = ?1 AND d.member = m.id AND d.state = ?3)) FROM member m \
         WHERE m.grp = ?1 AND m.seen_at + 3 * m.lease >= ?2 GROUP BY m.name ORDER BY m.name",
    )?;
    let mut rows = find.query((group.id, now.as_micros(), LEASED))?;
    let mut members = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        if let Ok(name) = MemberName::new(name) {
            members.push(MemberInfo {
                name,
                seen_at: Timestamp::from_micros(row.get(1)?),
                pending: count(row.get(2)?),
            });
        }
    }
    Ok(members)
}

/// How far a group is behind.
pub(crate) fn lag(
    conn: &Connection,
    topic: &TopicRow,
    group: &GroupRow,
    now: Timestamp,
) -> Sql<Lag> {
    let mut lag = Lag::default();
    let mut by_state =
        conn.prepare_cached("SELECT state, count(*) FROM delivery WHERE grp = ? GROUP BY state")?;
    let mut rows = by_state.query([group.id])?;
    while let Some(row) = rows.next()? {
        let number = count(row.get(1)?);
        match row.get(0)? {
            LEASED => lag.in_flight += number,
            READY => lag.undelivered += number,
            WAITING | BLOCKED_NEW | BLOCKED_WAITING => lag.delayed += number,
            _ => {}
        }
    }
    let mut oldest: Option<i64> = None;
    let mut front =
        conn.prepare_cached("SELECT at FROM message WHERE seq >= ? AND seq < ? LIMIT 1")?;
    for lane in 0..LANES {
        let from = group.cursor[lane].max(topic.first[lane]);
        if from >= topic.next[lane] {
            continue;
        }
        let range = (
            seq(topic.id, lane, from),
            seq(topic.id, lane, topic.next[lane]),
        );
        let new = count(topic.next[lane] - from);
        let held_back = match group.ordering {
            Ordering::PerKey => held_back(conn, group.id, lane, range)?,
            Ordering::None => 0,
        };
        lag.undelivered += new.saturating_sub(held_back);
        lag.delayed += held_back;
        let at = front.query_row(range, |row| row.get(0)).optional()?;
        oldest = earlier(oldest, at);
    }
    let mut pending = conn.prepare_cached(
        "SELECT min(coalesce(r.at, m.at)) FROM delivery d \
         LEFT JOIN revived r ON r.grp = d.grp AND r.seq = d.seq \
         LEFT JOIN message m ON m.seq = d.seq WHERE d.grp = ?",
    )?;
    oldest = earlier(oldest, pending.query_row([group.id], |row| row.get(0))?);
    lag.oldest_age = oldest.map(|at| now.since(Timestamp::from_micros(at)));
    let age = micros(topic.config.dead_letter_age);
    let mut dead =
        conn.prepare_cached("SELECT count(*) FROM dead WHERE grp = ? AND ? - dead_at <= ?")?;
    let dead: i64 = dead.query_row((group.id, now.as_micros(), age), |row| row.get(0))?;
    lag.dead_letters = count(dead);
    Ok(lag)
}

fn earlier(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// How many of the messages not looked at wait for others of their key.
fn held_back(conn: &Connection, group: i64, lane: usize, range: (i64, i64)) -> Sql<u64> {
    let mut find = conn.prepare_cached(
        "SELECT coalesce(sum(n - (NOT EXISTS (SELECT 1 FROM delivery d WHERE d.grp = ?1 \
         AND d.lane = ?2 AND d.key = keys.key))), 0) FROM \
         (SELECT key, count(*) AS n FROM message WHERE seq >= ?3 AND seq < ?4 \
         AND key IS NOT NULL GROUP BY key) keys",
    )?;
    let lane = i64::try_from(lane).unwrap_or(0);
    let held: i64 = find.query_row((group, lane, range.0, range.1), |row| row.get(0))?;
    Ok(count(held))
}
