//! One assigned partition.

use std::collections::VecDeque;
use std::sync::Arc;

use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;

use super::backoff::Backoff;
use super::fetched::{Fetched, Generation, What};

/// Where to read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Here.
    At(i64),
    /// At the first record that is there, as nothing is at the offset that was asked for.
    Earliest(Option<i64>),
    /// At the end.
    Latest,
}

impl Place {
    /// That of an offset, or of the numbers that stand for begin and end in Kafka's protocol.
    pub(super) const fn of(offset: i64) -> Self {
        match offset {
            -1 => Self::Latest,
            ..0 => Self::Earliest(None),
            _ => Self::At(offset),
        }
    }
}

/// What an application was told and need not be told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Missing,
    Refused,
    Damaged(i64),
}

/// One assigned partition.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) topic: Arc<str>,
    pub(super) name: TopicName,
    pub(super) partition: i32,
    pub(super) generation: u64,
    pub(super) place: Place,
    /// Where what was put into the queue ends.
    pub(super) handed: Place,
    pub(super) is_paused: bool,
    pub(super) leader: Option<i32>,
    /// Who leads it is to be asked anew.
    pub(super) in_doubt: bool,
    /// It is to be read at once, rather than when what is under way has been answered.
    pub(super) is_fresh: bool,
    /// The offset that the request with a long wait has asked for.
    pub(super) polled: Option<i64>,
    /// It is asked for on the side.
    pub(super) is_aside: bool,
    /// How many answers have not been put into the queue yet.
    pub(super) arriving: u32,
    /// The broker they are of: another one's are not to overtake them.
    pub(super) server: i32,
    /// When it was last given something: who waits longest goes first.
    pub(super) served: u64,
    /// How often in a row there was no room in an answer for its first batch.
    pub(super) starved: u32,
    /// Until when it is not fetched.
    pub(super) fetching: Backoff,
    /// Until when its leader is not asked for.
    pub(super) seeking: Backoff,
    pub(super) told: Option<Told>,
    /// Its watermarks were told.
    pub(super) is_known: bool,
    pub(super) log_start: i64,
    pub(super) high_watermark: i64,
    pub(super) last_stable: i64,
    pub(super) queue: VecDeque<(What, usize)>,
    /// How many bytes are in the queue.
    pub(super) bytes: usize,
    /// It stands among those that are taken from.
    pub(super) in_line: bool,
}

impl Slot {
    pub(super) fn new(topic: Arc<str>, partition: i32, offset: i64, generation: u64) -> Self {
        let place = Place::of(offset);
        Self {
            name: TopicName(StrBytes::from_string(topic.to_string())),
            topic,
            partition,
            generation,
            place,
            handed: place,
            is_paused: false,
            leader: None,
            in_doubt: false,
            is_fresh: true,
            polled: None,
            is_aside: false,
            arriving: 0,
            server: -1,
            served: 0,
            starved: 0,
            fetching: Backoff::default(),
            seeking: Backoff::default(),
            told: None,
            is_known: false,
            log_start: -1,
            high_watermark: -1,
            last_stable: -1,
            queue: VecDeque::new(),
            bytes: 0,
            in_line: false,
        }
    }

    /// The same partition from another offset on.
    pub(super) fn moved(&self, offset: i64, generation: u64) -> Self {
        Self {
            is_paused: self.is_paused,
            leader: self.leader,
            in_doubt: self.in_doubt,
            served: self.served,
            ..Self::new(Arc::clone(&self.topic), self.partition, offset, generation)
        }
    }

    /// What was under way is lost: it begins again after what was put into the queue.
    pub(super) fn begin_anew(&mut self) {
        self.place = self.handed;
        self.leader = None;
        self.in_doubt = false;
        self.is_fresh = true;
        self.polled = None;
        self.is_aside = false;
        self.arriving = 0;
        self.fetching.reset();
        self.seeking.reset();
    }

    /// A broker leads it, as far as the cluster knows.
    pub(super) fn is_led(&mut self, leader: i32) {
        self.in_doubt = false;
        self.seeking.reset();
        if self.leader != Some(leader) {
            self.leader = Some(leader);
            // That another broker fails is no reason to wait for this one, nor what it was asked.
            self.fetching.reset();
            self.is_aside = false;
            self.polled = None;
        }
        self.is_fresh = true;
    }

    /// Whether it may be asked for of this broker now.
    pub(super) fn is_for(&self, node: i32) -> bool {
        self.leader == Some(node) && (self.arriving == 0 || self.server == node)
    }

    /// A broker serves it. Whether what came is whole is found out later.
    pub(super) fn succeed(&mut self) {
        if !matches!(self.told, Some(Told::Damaged(_))) {
            self.fetching.reset();
            self.told = None;
        }
    }

    /// What came is put where it is taken from, up to here.
    pub(super) fn hand_over(&mut self, next: i64, is_damaged: bool) {
        self.arriving = self.arriving.saturating_sub(1);
        self.handed = Place::At(next);
        if is_damaged {
            // What was asked for since begins after it.
            self.place = self.handed;
            self.fetching.grow();
        } else if let Some(Told::Damaged(_)) = self.told {
            self.fetching.reset();
            self.told = None;
        }
    }

    pub(super) fn fetched(&self, what: What) -> Fetched {
        Fetched {
            topic: Arc::clone(&self.topic),
            partition: self.partition,
            generation: Generation(self.generation),
            what,
        }
    }
}
