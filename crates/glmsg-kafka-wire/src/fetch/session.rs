//! What a broker remembers of our fetches (KIP-227), so that only changes are sent.

use std::collections::HashMap;

use kafka_protocol::messages::TopicName;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::{FetchRequest, FetchResponse};

use super::code;

/// Begins a session; one of the same number ends.
const FIRST: i32 = 0;
/// Neither is in a session nor begins one.
const WITHOUT: i32 = -1;
/// The version that has sessions.
const SINCE: i16 = 7;

/// A partition that is to be read.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) name: TopicName,
    pub(super) partition: i32,
    pub(super) generation: u64,
    pub(super) offset: i64,
    pub(super) max_bytes: i32,
}

/// What was asked of a partition.
#[derive(Debug)]
struct Asked {
    wanted: Wanted,
    /// The request that wanted it last.
    round: u64,
}

/// What a broker remembers, and what was asked for last.
#[derive(Debug)]
pub(super) struct Session {
    id: i32,
    epoch: i32,
    round: u64,
    /// By the number of the assignment.
    asked: HashMap<u64, Asked>,
}

impl Session {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            id: 0,
            epoch: FIRST,
            round: 0,
            asked: HashMap::new(),
        }
    }

    /// One that stays none: each request says all it wants.
    pub(super) fn none() -> Self {
        Self {
            epoch: WITHOUT,
            ..Self::new()
        }
    }

    /// Sets in a request what is wanted: all of it, in this order, or what has changed.
    pub(super) fn ask(&mut self, request: &mut FetchRequest, wanted: &[Wanted], version: i16) {
        if version < SINCE {
            (self.id, self.epoch) = (0, WITHOUT);
        }
        self.round += 1;
        if !self.is_whole() && self.is_again(wanted) {
            self.begin_anew();
        }
        if self.is_whole() {
            self.asked.clear();
        }
        (request.session_id, request.session_epoch) = (self.id, self.epoch);
        let mut topics = Topics::default();
        for one in wanted {
            let asked = Asked {
                wanted: one.clone(),
                round: self.round,
            };
            let before = self.asked.insert(one.generation, asked);
            let is_same = before.is_some_and(|before| {
                (before.wanted.offset, before.wanted.max_bytes) == (one.offset, one.max_bytes)
            });
            if !is_same {
                topics.add(one);
            }
        }
        request.topics = topics.0;
        let mut forgotten: Vec<ForgottenTopic> = Vec::new();
        let round = self.round;
        self.asked.retain(|_, asked| {
            let stays = asked.round == round;
            if !stays {
                forget(&mut forgotten, &asked.wanted);
            }
            stays
        });
        request.forgotten_topics_data = forgotten;
    }

    /// Whether a partition is wanted by another assignment than before. A broker cannot forget and
    /// learn it in one request, and says nothing of it again if it only stays.
    fn is_again(&self, wanted: &[Wanted]) -> bool {
        let is_new = |one: &&Wanted| !self.asked.contains_key(&one.generation);
        wanted.iter().filter(is_new).any(|one| {
            let mut asked = self.asked.values().map(|asked| &asked.wanted);
            asked.any(|asked| asked.partition == one.partition && asked.name == one.name)
        })
    }

    /// Whether a request says all it wants.
    pub(super) const fn is_whole(&self) -> bool {
        self.epoch <= FIRST
    }

    /// Takes up what a broker says of the session. Returns whether the answer is one.
    pub(super) fn heed(&mut self, answer: &FetchResponse) -> bool {
        if answer.error_code != 0 {
            // It goes on with another, as the broker has forgotten this one or is to do so.
            self.epoch = self.epoch.min(FIRST);
            if answer.error_code == code::SESSION_NOT_FOUND {
                self.id = 0;
            }
            self.asked.clear();
            return false;
        }
        if self.epoch == WITHOUT {
            return true;
        }
        if self.is_whole() {
            self.id = answer.session_id;
        }
        // Without a number the broker has no room for a session.
        self.epoch = match (self.id, self.epoch) {
            (0, _) => FIRST,
            (_, i32::MAX) => 1,
            (_, epoch) => epoch + 1,
        };
        true
    }

    /// What was asked is not known to have been understood: the next request begins another
    /// session, and ends this one.
    pub(super) fn begin_anew(&mut self) {
        self.epoch = self.epoch.min(FIRST);
        self.asked.clear();
    }

    /// The offset that was asked for.
    pub(super) fn find(&self, generation: u64) -> Option<i64> {
        self.asked.get(&generation).map(|asked| asked.wanted.offset)
    }

    /// The assignments that were asked for.
    pub(super) fn asked(&self) -> impl Iterator<Item = u64> {
        self.asked.keys().copied()
    }
}

fn forget(forgotten: &mut Vec<ForgottenTopic>, wanted: &Wanted) {
    match forgotten
        .iter_mut()
        .find(|topic| topic.topic == wanted.name)
    {
        Some(topic) => topic.partitions.push(wanted.partition),
        None => forgotten.push(
            ForgottenTopic::default()
                .with_topic(wanted.name.clone())
                .with_partitions(vec![wanted.partition]),
        ),
    }
}

/// Partitions by their topics, in the order in which they are added.
#[derive(Debug, Default)]
struct Topics(Vec<FetchTopic>);

impl Topics {
    fn add(&mut self, wanted: &Wanted) {
        let partition = FetchPartition::default()
            .with_partition(wanted.partition)
            .with_fetch_offset(wanted.offset)
            .with_partition_max_bytes(wanted.max_bytes);
        match self.0.iter_mut().rfind(|topic| topic.topic == wanted.name) {
            Some(topic) => topic.partitions.push(partition),
            None => self.0.push(
                FetchTopic::default()
                    .with_topic(wanted.name.clone())
                    .with_partitions(vec![partition]),
            ),
        }
    }
}
