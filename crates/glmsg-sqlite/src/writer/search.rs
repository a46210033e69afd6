//! What a lane has to offer a group: what came back, then what is new.

use std::collections::VecDeque;

use glmsg_core::Timestamp;
use rusqlite::Connection;

use super::candidate::{Candidate, KNOWN, read, read_known};
use super::group::{DUE_READY, Group};
use super::keys;
use super::topic::Topic;
use crate::error::Sql;
use crate::place::{LANES, number_of, seq};

/// New messages of an order by key that one fetch may look at in vain.
const MOST_PARKED: usize = 2000;

/// About how many bytes one fetch hands out, and reads ahead in a lane.
pub(super) const MOST_BYTES: usize = 8 << 20;
/// How many messages are read ahead in a lane.
const MOST_AHEAD: usize = 500;

/// Where the search in a lane is.
#[derive(Debug, Default)]
struct Search {
    returned: VecDeque<Candidate>,
    /// Behind which entry of the due index the next ones are read.
    behind: Option<(i64, i64)>,
    is_returned_read: bool,
    ready: VecDeque<Candidate>,
    is_ready_read: bool,
    new: VecDeque<Candidate>,
}

/// The candidates of a group in all lanes, during one fetch.
#[derive(Debug)]
pub(super) struct Candidates<'a> {
    conn: &'a Connection,
    now: i64,
    /// How many more are wanted.
    pub(super) wanted: usize,
    lanes: [Search; LANES],
    /// How many were set aside because it is not their key's turn.
    pub(super) parked: usize,
}

fn due_sql() -> &'static str {
    static SQL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    SQL.get_or_init(|| {
        format!(
            "{KNOWN} WHERE d.grp = ?1 AND d.lane = ?2 AND d.due >= ?3 AND d.due <= ?4 \
             AND (d.due, d.seq) > (?3, ?5) ORDER BY d.due, d.seq"
        )
    })
}

impl<'a> Candidates<'a> {
    pub(super) fn new(conn: &'a Connection, now: Timestamp, wanted: usize) -> Self {
        Self {
            conn,
            now: now.as_micros(),
            wanted,
            lanes: Default::default(),
            parked: 0,
        }
    }

    /// `true` if the lane has a candidate.
    pub(super) fn has(&mut self, group: &mut Group, topic: &Topic, lane: usize) -> Sql<bool> {
        self.read_returned(group, lane)?;
        if !self.lanes[lane].returned.is_empty() {
            return Ok(true);
        }
        if !group.is_per_key() {
            return Ok(group.cursor[lane].max(topic.first[lane]) < topic.next[lane]);
        }
        self.read_ready(group, lane)?;
        if !self.lanes[lane].ready.is_empty() {
            return Ok(true);
        }
        self.find_turn(group, topic, lane)
    }

    /// The candidate of a lane that [`has`](Self::has) one. `is_top` if no higher lane has one:
    /// then it is read ahead for all that is wanted.
    pub(super) fn take(
        &mut self,
        group: &mut Group,
        topic: &Topic,
        lane: usize,
        is_top: bool,
    ) -> Sql<Option<Candidate>> {
        let search = &mut self.lanes[lane];
        if let Some(found) = search
            .returned
            .pop_front()
            .or_else(|| search.ready.pop_front())
        {
            return Ok(Some(found));
        }
        if search.new.is_empty() {
            let ahead = if is_top {
                self.wanted
            } else {
                self.wanted / 16 + 1
            };
            self.read_new(group, topic, lane, ahead)?;
        }
        let found = self.lanes[lane].new.pop_front();
        let cursor = found.as_ref().map(|c| number_of(c.seq) + 1);
        // Rows that should be there and are not are passed over.
        group.cursor[lane] = cursor.unwrap_or(topic.next[lane]);
        group.is_dirty = true;
        Ok(found)
    }

    /// A message was finished: another of its key may have its turn now.
    pub(super) fn look_again(&mut self, lane: usize) {
        let search = &mut self.lanes[lane];
        search.returned.clear();
        search.behind = None;
        search.is_returned_read = false;
        search.ready.clear();
        search.is_ready_read = false;
    }

    fn read_returned(&mut self, group: &Group, lane: usize) -> Sql<()> {
        while self.lanes[lane].returned.is_empty() && !self.lanes[lane].is_returned_read {
            let (due, seq) = self.lanes[lane].behind.unwrap_or((i64::MIN, i64::MIN));
            let (found, is_all) = self.read_due(group.id, lane, (due, self.now), seq)?;
            let search = &mut self.lanes[lane];
            search.is_returned_read = is_all;
            search.behind = found
                .last()
                .and_then(|c| Some((c.known.as_ref()?.due, c.seq)));
            for candidate in found {
                let is_blocked = match &candidate.key {
                    Some(key) => keys::is_blocked(self.conn, group.id, candidate.seq, key)?,
                    None => false,
                };
                if !is_blocked {
                    self.lanes[lane].returned.push_back(candidate);
                }
            }
        }
        Ok(())
    }

    fn read_ready(&mut self, group: &Group, lane: usize) -> Sql<()> {
        if self.lanes[lane].ready.is_empty() && !self.lanes[lane].is_ready_read {
            let due = (DUE_READY, DUE_READY);
            let (found, is_all) = self.read_due(group.id, lane, due, i64::MIN)?;
            self.lanes[lane].is_ready_read = is_all;
            self.lanes[lane].ready.extend(found);
        }
        Ok(())
    }

    /// Reads entries of the due index; `true` if these are all.
    fn read_due(
        &self,
        group: i64,
        lane: usize,
        (from, to): (i64, i64),
        behind: i64,
    ) -> Sql<(Vec<Candidate>, bool)> {
        let mut find = self.conn.prepare_cached(due_sql())?;
        let lane = i64::try_from(lane).unwrap_or(0);
        let mut rows = find.query((group, lane, from, to, behind))?;
        let (mut found, mut size) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let candidate = read_known(row)?;
            size += candidate.body.len();
            found.push(candidate);
            if found.len() >= self.wanted.min(MOST_AHEAD) || size >= MOST_BYTES {
                return Ok((found, false));
            }
        }
        Ok((found, true))
    }

    fn read_new(&mut self, group: &Group, topic: &Topic, lane: usize, ahead: usize) -> Sql<()> {
        let from = group.cursor[lane].max(topic.first[lane]);
        let ahead = i64::try_from(ahead.min(MOST_AHEAD)).unwrap_or(1);
        let mut find = self.conn.prepare_cached(
            "SELECT seq, id, at, expires, max_attempts, key, body FROM message \
             WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?",
        )?;
        let range = (
            seq(topic.id, lane, from),
            seq(topic.id, lane, topic.next[lane]),
            ahead,
        );
        let mut rows = find.query(range)?;
        let mut size = 0;
        while let Some(row) = rows.next()? {
            let candidate = read(row)?;
            size += candidate.body.len();
            self.lanes[lane].new.push_back(candidate);
            if size >= MOST_BYTES {
                break;
            }
        }
        Ok(())
    }

    /// With order by key: sets aside new messages until one has its key's turn.
    fn find_turn(&mut self, group: &mut Group, topic: &Topic, lane: usize) -> Sql<bool> {
        loop {
            if self.lanes[lane].new.is_empty() {
                if group.cursor[lane].max(topic.first[lane]) >= topic.next[lane] {
                    return Ok(false);
                }
                self.read_new(group, topic, lane, self.wanted)?;
            }
            let Some(candidate) = self.lanes[lane].new.front() else {
                group.cursor[lane] = topic.next[lane];
                group.is_dirty = true;
                return Ok(false);
            };
            let Some(key) = &candidate.key else {
                return Ok(true);
            };
            if !keys::is_blocked(self.conn, group.id, candidate.seq, key)? {
                return Ok(true);
            }
            if self.parked >= MOST_PARKED {
                return Ok(false);
            }
            keys::park(self.conn, group.id, candidate.seq, key)?;
            self.parked += 1;
            group.cursor[lane] = number_of(candidate.seq) + 1;
            group.is_dirty = true;
            self.lanes[lane].new.pop_front();
        }
    }
}
