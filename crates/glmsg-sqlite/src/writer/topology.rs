//! Creating and deleting topics and groups, joining and leaving.

use std::rc::Rc;

use glmsg_broker::{GroupConfig, SubscribeOptions, TopicConfig};
use glmsg_core::{Error, ErrorKind, GroupName, TopicName};
use rusqlite::OptionalExtension;

use super::group::ordering_number;
use super::retention::config_columns;
use super::store::Store;
use super::topic::micros;
use crate::error::{Failure, Outcome, Sql};
use crate::place::{LANES, MAX_TOPIC};
use crate::replay::Start;

/// Who has joined: the ids of topic, group and member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined {
    pub(crate) topic: i64,
    pub(crate) group: i64,
    pub(crate) member: i64,
}

impl Store {
    pub(super) fn topic_or_new(&mut self, name: &TopicName) -> Outcome<i64> {
        if let Some(id) = self.find_topic(name)? {
            return Ok(id);
        }
        let config = self.defaults.clone();
        self.new_topic(name, &config)
    }

    fn new_topic(&mut self, name: &TopicName, config: &TopicConfig) -> Outcome<i64> {
        let conn = Rc::clone(&self.conn);
        let last: i64 = conn
            .prepare_cached(
                "SELECT max(coalesce((SELECT max(id) FROM topic), 0), \
                 coalesce((SELECT max(id) FROM garbage WHERE kind = 0), 0))",
            )?
            .query_row([], |row| row.get(0))?;
        if last >= MAX_TOPIC {
            let text = format!("the store has had {MAX_TOPIC} topics");
            return Err(Error::new(ErrorKind::Full, text)
                .with("topic", name)
                .remedy("delete topics that are not needed, the newest first")
                .into());
        }
        let (max_len, max_age, overflow, dead_letter_age) = config_columns(config);
        conn.prepare_cached(
            "INSERT INTO topic (id, name, max_len, max_age, overflow, dead_letter_age) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            last + 1,
            name.as_str(),
            max_len,
            max_age,
            overflow,
            dead_letter_age,
        ))?;
        self.topic_named(name)
    }

    /// Creates a topic, or changes its bounds.
    pub(crate) fn create_topic(&mut self, name: &TopicName, config: &TopicConfig) -> Outcome<()> {
        let Some(id) = self.find_topic(name)? else {
            return self.new_topic(name, config).map(drop);
        };
        let (max_len, max_age, overflow, dead_letter_age) = config_columns(config);
        self.conn
            .prepare_cached(
                "UPDATE topic SET max_len = ?, max_age = ?, overflow = ?, dead_letter_age = ? \
                 WHERE id = ?",
            )?
            .execute((max_len, max_age, overflow, dead_letter_age, id))?;
        if let Some(topic) = self.topics.get_mut(&id) {
            topic.config = config.clone();
            topic.is_age_open = true;
        }
        Ok(())
    }

    pub(crate) fn delete_topic(&mut self, name: &TopicName) -> Outcome<()> {
        let id = self.topic_named(name)?;
        for group in self.groups_of(id)? {
            self.remove_group(group)?;
        }
        let conn = Rc::clone(&self.conn);
        conn.prepare_cached("INSERT OR IGNORE INTO garbage (kind, id) VALUES (0, ?)")?
            .execute([id])?;
        conn.prepare_cached("DELETE FROM topic WHERE id = ?")?
            .execute([id])?;
        self.has_garbage = true;
        self.forget_topic(id);
        Ok(())
    }

    pub(crate) fn delete_group(&mut self, topic: &TopicName, name: &GroupName) -> Outcome<()> {
        let id = self.group_named(topic, name)?;
        self.remove_group(id)?;
        let topic = self.topic_named(topic)?;
        if let Some(topic) = self.topics.get_mut(&topic) {
            topic.is_age_open = true;
        }
        Ok(())
    }

    fn remove_group(&mut self, id: i64) -> Sql<()> {
        let conn = Rc::clone(&self.conn);
        conn.prepare_cached("INSERT OR IGNORE INTO garbage (kind, id) VALUES (1, ?)")?
            .execute([id])?;
        conn.prepare_cached("DELETE FROM grp WHERE id = ?")?
            .execute([id])?;
        self.has_garbage = true;
        self.groups.remove(&id);
        self.pickers.remove(&id);
        self.woken.groups.insert(id);
        Ok(())
    }

    pub(crate) fn create_group(
        &mut self,
        topic: &TopicName,
        name: &GroupName,
        config: &GroupConfig,
    ) -> Outcome<()> {
        let start = self.check_start(topic, config)?;
        let id = self.topic_or_new(topic)?;
        if self.find_group(id, name)?.is_some() {
            return Err(
                Error::new(ErrorKind::AlreadyExists, "there is a group of this name")
                    .with("topic", topic)
                    .with("group", name)
                    .into(),
            );
        }
        self.new_group(id, name, config, &start).map(drop)
    }

    /// Where a group would begin; refused, before anything is created, if that is nowhere.
    fn check_start(&mut self, topic: &TopicName, config: &GroupConfig) -> Outcome<Start> {
        let id = self.find_topic(topic)?;
        if let Some(id) = id {
            self.tick(id)?;
        }
        Start::find(&self.conn, topic, id, &config.start)
    }

    fn new_group(
        &mut self,
        topic: i64,
        name: &GroupName,
        config: &GroupConfig,
        start: &Start,
    ) -> Outcome<i64> {
        let mut cursor = [0; LANES];
        if let Some(topic) = self.topics.get(&topic) {
            for (lane, cursor) in cursor.iter_mut().enumerate() {
                let range = topic.first[lane]..topic.next[lane];
                *cursor = start.cursor(&self.conn, topic.id, lane, range)?;
            }
        }
        let [c0, c1, c2, c3] = cursor;
        self.conn
            .prepare_cached(
                "INSERT INTO grp (topic, name, ordering, created_at, cursor0, cursor1, cursor2, \
                 cursor3) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute((
                topic,
                name.as_str(),
                ordering_number(config.ordering),
                self.now.as_micros(),
                c0,
                c1,
                c2,
                c3,
            ))?;
        let id = self.conn.last_insert_rowid();
        self.load_group(id)?;
        Ok(id)
    }

    /// Joins a group, creating what is missing.
    pub(crate) fn join(&mut self, options: &SubscribeOptions) -> Outcome<Joined> {
        let found = match self.find_topic(&options.topic)? {
            Some(topic) => self.find_group(topic, &options.group)?,
            None => None,
        };
        let group = match found {
            Some(group) => group,
            None => {
                let start = self.check_start(&options.topic, &options.config)?;
                let topic = self.topic_or_new(&options.topic)?;
                self.new_group(topic, &options.group, &options.config, &start)?
            }
        };
        let Some(state) = self.groups.get(&group) else {
            return Err(Failure::Refused(crate::error::no_group(
                &options.topic,
                &options.group,
            )));
        };
        if state.ordering != options.config.ordering {
            return Err(
                Error::new(ErrorKind::Conflict, "the group has another ordering")
                    .with("topic", &options.topic)
                    .with("group", &options.group)
                    .remedy("subscribe with the group's ordering, or delete the group first")
                    .into(),
            );
        }
        let topic = state.topic;
        self.conn
            .prepare_cached("INSERT INTO member (grp, name, lease, seen_at) VALUES (?, ?, ?, ?)")?
            .execute((
                group,
                options.member.as_str(),
                micros(options.lease),
                self.now.as_micros(),
            ))?;
        let member = self.conn.last_insert_rowid();
        self.seen.insert(member, self.now);
        self.joined.insert(member);
        Ok(Joined {
            topic,
            group,
            member,
        })
    }

    /// Takes a member off the list.
    pub(crate) fn leave(&mut self, member: i64) -> Sql<()> {
        self.conn
            .prepare_cached("DELETE FROM member WHERE id = ?")?
            .execute([member])?;
        self.seen.remove(&member);
        self.joined.remove(&member);
        Ok(())
    }

    /// `true` if somebody of this process is in a group.
    pub(super) fn has_members(&self) -> bool {
        !self.joined.is_empty()
    }

    /// Takes all members of this process off their lists.
    pub(super) fn leave_all(&mut self) -> Sql<()> {
        for member in std::mem::take(&mut self.joined) {
            self.leave(member)?;
        }
        Ok(())
    }

    /// Shows that the store can be written and read.
    pub(crate) fn probe(&mut self) -> Outcome<()> {
        let conn = Rc::clone(&self.conn);
        let now = self.now.as_micros();
        conn.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('probe', ?)")?
            .execute([now])?;
        let read: Option<i64> = conn
            .prepare_cached("SELECT value FROM meta WHERE name = 'probe'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        if read != Some(now) {
            let text = "what was written cannot be read back";
            return Err(Error::new(ErrorKind::Unexpected, text).into());
        }
        Ok(())
    }

    /// When its commits are on the disk, as SQLite numbers that.
    pub(crate) fn synchronous(&mut self) -> Outcome<i64> {
        let found = self
            .conn
            .query_row("PRAGMA synchronous", [], |row| row.get(0));
        Ok(found?)
    }

    /// Brings a topic to the present, for a reader.
    pub(crate) fn refresh(&mut self, topic: &TopicName) -> Outcome<()> {
        let id = self.topic_named(topic)?;
        self.tick(id)?;
        Ok(())
    }
}
