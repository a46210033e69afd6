//! What the writer works on: the connection, and what it knows of the store's state.
//!
//! Counters and cursors are read once and kept, and written back once in a transaction. That holds
//! because there is one writer, and because `PRAGMA data_version` tells when another process has
//! written.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use glmsg_broker::{LanePicker, TopicConfig};
use glmsg_core::{GroupName, Timestamp, TopicName};
use rusqlite::{Connection, OptionalExtension};

use super::group::Group;
use super::topic::Topic;
use crate::error::{Outcome, Sql, no_group, no_topic};

/// The state of the store within a transaction.
pub(crate) struct Store {
    pub(super) conn: Rc<Connection>,
    /// The time of the transaction.
    pub(crate) now: Timestamp,
    pub(super) defaults: TopicConfig,
    pub(super) topics: HashMap<i64, Topic>,
    names: HashMap<TopicName, i64>,
    pub(super) groups: HashMap<i64, Group>,
    pub(super) pickers: HashMap<i64, LanePicker>,
    /// When the members of this process were last noted as seen.
    pub(super) seen: HashMap<i64, Timestamp>,
    /// The members of this process.
    pub(super) joined: BTreeSet<i64>,
    /// Whose waiting members are to look again.
    pub(super) woken: Woken,
    /// Topics with more to be cleared away than one transaction should do.
    pub(super) leftovers: BTreeSet<i64>,
    /// Something deleted waits to be cleared away.
    pub(super) has_garbage: bool,
    data_version: i64,
}

/// Topics and groups that have something new.
#[derive(Debug, Default)]
pub(super) struct Woken {
    pub(super) topics: BTreeSet<i64>,
    pub(super) groups: BTreeSet<i64>,
}

impl Woken {
    pub(super) fn clear(&mut self) {
        self.topics.clear();
        self.groups.clear();
    }
}

impl Store {
    pub(super) fn new(conn: Connection, defaults: TopicConfig) -> Self {
        Self {
            conn: Rc::new(conn),
            now: Timestamp::EPOCH,
            defaults,
            topics: HashMap::new(),
            names: HashMap::new(),
            groups: HashMap::new(),
            pickers: HashMap::new(),
            seen: HashMap::new(),
            joined: BTreeSet::new(),
            woken: Woken::default(),
            leftovers: BTreeSet::new(),
            has_garbage: true,
            data_version: -1,
        }
    }

    /// `true` before the first transaction.
    pub(super) fn is_new(&self) -> bool {
        self.data_version == -1
    }

    /// Begins a transaction. `true` if another process has written meanwhile.
    pub(super) fn begin(&mut self) -> Sql<bool> {
        let conn = Rc::clone(&self.conn);
        conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.refresh_caches()
    }

    /// Forgets what another process may have changed; `true` if there was one.
    pub(super) fn refresh_caches(&mut self) -> Sql<bool> {
        let changed = self.look_for_changes()?;
        if changed {
            self.forget();
        }
        Ok(changed)
    }

    /// `true` if another process has written since this was asked last.
    pub(super) fn look_for_changes(&mut self) -> Sql<bool> {
        let version = self.current_version()?;
        let changed = version != self.data_version;
        self.data_version = version;
        Ok(changed)
    }

    /// `true` if another process has written, without taking note of it.
    pub(super) fn is_changed(&self) -> Sql<bool> {
        Ok(self.current_version()? != self.data_version)
    }

    fn current_version(&self) -> Sql<i64> {
        let mut statement = self.conn.prepare_cached("PRAGMA data_version")?;
        statement.query_row([], |row| row.get(0))
    }

    /// Writes the counters back and commits.
    pub(super) fn flush(&mut self) -> Sql<()> {
        for topic in self.topics.values_mut() {
            topic.flush(&self.conn)?;
        }
        for group in self.groups.values_mut() {
            group.flush(&self.conn)?;
        }
        Ok(())
    }

    pub(super) fn commit(&self) -> Sql<()> {
        self.conn.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// Takes the transaction back. `false` if that did not work.
    pub(super) fn roll_back(&mut self) -> bool {
        self.forget();
        self.seen.clear();
        self.woken.clear();
        if !self.conn.is_autocommit() {
            // SQLite rolls back by itself after some errors; then this one fails, and is not needed.
            let _ = self.conn.execute_batch("ROLLBACK");
        }
        self.conn.is_autocommit()
    }

    /// Forgets what may not be so any more.
    fn forget(&mut self) {
        self.topics.clear();
        self.names.clear();
        self.groups.clear();
        self.has_garbage = true;
    }

    pub(super) fn forget_topic(&mut self, id: i64) {
        if let Some(topic) = self.topics.remove(&id) {
            self.names.remove(&topic.name);
        }
        self.groups.retain(|_, group| group.topic != id);
        self.leftovers.remove(&id);
    }

    /// The id of a topic, and its state loaded.
    pub(super) fn find_topic(&mut self, name: &TopicName) -> Sql<Option<i64>> {
        if let Some(id) = self.names.get(name) {
            return Ok(Some(*id));
        }
        let conn = Rc::clone(&self.conn);
        let Some(topic) = Topic::load(&conn, name)? else {
            return Ok(None);
        };
        let id = topic.id;
        self.names.insert(name.clone(), id);
        self.topics.insert(id, topic);
        Ok(Some(id))
    }

    pub(super) fn topic_named(&mut self, name: &TopicName) -> Outcome<i64> {
        self.find_topic(name)?.ok_or_else(|| no_topic(name).into())
    }

    /// The state of a group, and of its topic, loaded; `None` if it was deleted.
    pub(super) fn load_group(&mut self, id: i64) -> Sql<Option<i64>> {
        if let Some(group) = self.groups.get(&id) {
            return Ok(Some(group.topic));
        }
        let conn = Rc::clone(&self.conn);
        let Some(group) = Group::load(&conn, id)? else {
            return Ok(None);
        };
        let topic = group.topic;
        if !self.load_topic(topic)? {
            return Ok(None);
        }
        self.groups.insert(id, group);
        Ok(Some(topic))
    }

    pub(super) fn find_group(&mut self, topic: i64, name: &GroupName) -> Sql<Option<i64>> {
        let conn = Rc::clone(&self.conn);
        let id: Option<i64> = conn
            .prepare_cached("SELECT id FROM grp WHERE topic = ? AND name = ?")?
            .query_row((topic, name.as_str()), |row| row.get(0))
            .optional()?;
        if let Some(id) = id {
            self.load_group(id)?;
        }
        Ok(id)
    }

    pub(super) fn group_named(&mut self, topic: &TopicName, name: &GroupName) -> Outcome<i64> {
        let id = self.topic_named(topic)?;
        let group = self.find_group(id, name)?;
        group.ok_or_else(|| no_group(topic, name).into())
    }

    /// `false` if there is no topic of this id any more.
    pub(super) fn load_topic(&mut self, id: i64) -> Sql<bool> {
        if self.topics.contains_key(&id) {
            return Ok(true);
        }
        let conn = Rc::clone(&self.conn);
        let name: Option<String> = conn
            .prepare_cached("SELECT name FROM topic WHERE id = ?")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        match name.and_then(|name| TopicName::new(name).ok()) {
            Some(name) => Ok(self.find_topic(&name)?.is_some()),
            None => Ok(false),
        }
    }

    /// The groups of a topic, all loaded.
    pub(super) fn groups_of(&mut self, topic: i64) -> Sql<Vec<i64>> {
        let conn = Rc::clone(&self.conn);
        let mut statement = conn.prepare_cached("SELECT id FROM grp WHERE topic = ?")?;
        let ids = statement.query_map([topic], |row| row.get(0))?;
        let ids: Vec<i64> = ids.collect::<Sql<_>>()?;
        for id in &ids {
            self.load_group(*id)?;
        }
        Ok(ids)
    }
}
