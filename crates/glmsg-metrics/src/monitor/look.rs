//! One look at the groups: what the broker lists, and how far each group is behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use glmsg_broker::Broker;
use glmsg_core::{Error, ErrorKind, GroupName, Result, TopicName};
use tokio::time::{Instant, timeout};

use super::turns::Turns;
use crate::store::{GroupKey, LagTable, Store};

/// How long one answer of the broker may take.
const ANSWER: Duration = Duration::from_secs(30);
/// Until when, since a look began, each kind of part is asked; what is left is first in the next look.
/// One of each kind is always asked. So a look ends, after three minutes and a half at the latest, and those
/// that were silent, which may cost an answer's time each, come when the others are done.
const TOPICS: Duration = Duration::from_secs(30);
const GROUPS: Duration = Duration::from_secs(120);
const SILENT_GROUPS: Duration = Duration::from_secs(150);
const SILENT_TOPICS: Duration = Duration::from_secs(180);
/// After how many parts a look ends in which nothing at all was answered: that is the broker, and not the
/// parts.
const SILENCES: u32 = 2;

/// What looks have seen so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) table: LagTable,
    /// The groups of each topic, as they were listed last.
    groups: BTreeMap<TopicName, BTreeSet<GroupName>>,
    topic_turns: Turns<TopicName>,
    group_turns: Turns<GroupKey>,
}

/// How a look has gone.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Whether the broker answers: where it has answered all, or nothing. None where it has answered some of
    /// it, which a probe finds out.
    pub(super) is_answering: Option<bool>,
    /// What kept the look from being complete, first of all.
    pub(super) failure: Option<Error>,
}

/// A look under way.
pub(super) struct Look<'a> {
    broker: &'a dyn Broker,
    store: &'a Store,
    began: Instant,
    is_answered: bool,
    is_closed: bool,
    silences: u32,
    failure: Option<Error>,
}

/// What came of asking for a part.
enum Said<T> {
    Answer(T),
    /// It was deleted meanwhile.
    Gone,
    /// The broker answers, but not with that.
    Refusal,
    Silence,
}

impl<'a> Look<'a> {
    pub(super) fn begin(broker: &'a dyn Broker, store: &'a Store) -> Self {
        Self {
            broker,
            store,
            began: Instant::now(),
            is_answered: false,
            is_closed: false,
            silences: 0,
            failure: None,
        }
    }

    /// Looks at all parts, and shows what is seen. A part that cannot be asked stays as it was; one that
    /// is no longer there goes.
    pub(super) async fn run(mut self, seen: &mut Seen, show: impl Fn(&LagTable)) -> Outcome {
        let watched = &self.store.options.watched;
        let mut silent_topics = Vec::new();
        let groups: BTreeSet<GroupKey> = match watched.is_empty() {
            true => {
                silent_topics = self.list(seen).await;
                let all = seen.groups.iter();
                let each = all.flat_map(|(topic, names)| {
                    names.iter().map(move |name| (topic.clone(), name.clone()))
                });
                each.collect()
            }
            false => watched.iter().cloned().collect(),
        };
        seen.table.retain(|key, _| groups.contains(key));
        let (others, silent) = seen.group_turns.line_up(&groups);
        self.ask_groups(others, GROUPS, seen).await;
        // Those that were silent may be so again, for which these do not wait.
        show(&seen.table);
        self.ask_groups(silent, SILENT_GROUPS, seen).await;
        show(&seen.table);
        self.ask_topics(silent_topics, SILENT_TOPICS, seen).await;
        Outcome {
            is_answering: match self.failure {
                None => Some(true),
                Some(_) => (!self.is_answered && self.silences > 0).then_some(false),
            },
            failure: self.failure,
        }
    }

    /// Which groups there are, but for the topics that were silent: those are told.
    async fn list(&mut self, seen: &mut Seen) -> Vec<TopicName> {
        let asked = async {
            let names = self.broker.topic_names().await;
            // The whole store is not gone in the way in which a topic is.
            names.map_err(|error| match error.kind() {
                ErrorKind::NotFound => Error::new(ErrorKind::Unavailable, "the store is not there")
                    .operation("look at groups")
                    .source(error),
                _ => error,
            })
        };
        if let Said::Answer(names) = self.ask(asked, |error| error).await {
            let names: BTreeSet<TopicName> = names.into_iter().collect();
            seen.groups.retain(|topic, _| names.contains(topic));
            for name in names {
                seen.groups.entry(name).or_default();
            }
        }
        let topics = seen.groups.keys().cloned().collect();
        let (others, silent) = seen.topic_turns.line_up(&topics);
        self.ask_topics(others, TOPICS, seen).await;
        silent
    }

    async fn ask_topics(&mut self, topics: Vec<TopicName>, until: Duration, seen: &mut Seen) {
        for (n, topic) in topics.into_iter().enumerate() {
            if self.is_over(n, until) {
                return;
            }
            let asked = self.broker.groups(&topic);
            let said = self.ask(asked, |error| error.with("topic", &topic)).await;
            let is_silent = matches!(said, Said::Silence);
            match said {
                Said::Answer(groups) => {
                    let names = groups.into_iter().map(|group| group.name);
                    seen.groups.insert(topic.clone(), names.collect());
                }
                Said::Gone => {
                    seen.groups.remove(&topic);
                }
                Said::Refusal | Said::Silence => {}
            }
            seen.topic_turns.asked(topic, is_silent);
        }
    }

    async fn ask_groups(&mut self, groups: Vec<GroupKey>, until: Duration, seen: &mut Seen) {
        for (n, key) in groups.into_iter().enumerate() {
            if self.is_over(n, until) {
                return;
            }
            let asked = self.broker.lag(&key.0, &key.1);
            let said = self
                .ask(asked, |error| {
                    error.with("topic", &key.0).with("group", &key.1)
                })
                .await;
            let is_silent = matches!(said, Said::Silence);
            match said {
                Said::Answer(lag) => {
                    seen.table.insert(key.clone(), lag);
                }
                Said::Gone => {
                    seen.table.remove(&key);
                }
                Said::Refusal | Said::Silence => self.store.lag_errors.get(&key).add(1),
            }
            seen.group_turns.asked(key, is_silent);
        }
    }

    /// Whether the next part, after `asked` others of its kind, is left for the next look.
    fn is_over(&mut self, asked: usize, until: Duration) -> bool {
        if self.is_closed || (!self.is_answered && self.silences >= SILENCES) {
            return true;
        }
        let is_late = asked > 0 && self.began.elapsed() >= until;
        // Where all answer there is much to ask, and no more to it.
        if is_late && self.silences > 0 {
            self.failure.get_or_insert_with(|| {
                let late = Error::new(ErrorKind::Timeout, "a look at all groups takes too long");
                late.operation("look at groups")
                    .remedy("the others are first in the next look")
            });
        }
        is_late
    }

    /// What the broker answers in its time.
    async fn ask<T>(
        &mut self,
        asked: impl Future<Output = Result<T>>,
        name: impl Fn(Error) -> Error,
    ) -> Said<T> {
        let answered = timeout(ANSWER, asked).await;
        let answered = answered.unwrap_or_else(|_| {
            let silent = Error::new(ErrorKind::Timeout, "the broker does not answer");
            Err(name(silent.operation("look at groups")))
        });
        let error = match answered {
            Ok(answer) => {
                self.is_answered = true;
                return Said::Answer(answer);
            }
            Err(error) => error,
        };
        if error.kind() == ErrorKind::NotFound {
            self.is_answered = true;
            return Said::Gone;
        }
        tracing::debug!(%error, "a part of a look at the groups failed");
        self.is_closed |= error.kind() == ErrorKind::Closed;
        let is_silent = self.is_closed || error.is_transient();
        // A refusal may be that of the login, or of a connection that is not trusted.
        self.silences += u32::from(is_silent);
        self.failure.get_or_insert(error);
        match is_silent {
            true => Said::Silence,
            false => Said::Refusal,
        }
    }
}
