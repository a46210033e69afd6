//! A step of a random history, and how histories are made.

use std::ops::Range;
use std::time::Duration;

use glmsg_broker::{Overflow, TopicConfig};
use glmsg_core::{DeadLetterReason, Priority};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// What histories are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Messages of all priorities.
    Priorities,
    /// One priority, and crashes.
    Crashes,
    /// All priorities in a topic that soon is full.
    SmallTopic,
    /// One priority in such a topic.
    SmallLane,
}

impl Profile {
    /// Whether messages have several priorities.
    pub(crate) fn has_priorities(self) -> bool {
        !matches!(self, Self::Crashes | Self::SmallLane)
    }

    /// The bounds of the topic; `n` varies them from history to history.
    pub(crate) fn topic(self) -> TopicConfig {
        let config = TopicConfig::default().dead_letter_age(Duration::from_secs(20));
        match self {
            Self::SmallTopic | Self::SmallLane => {
                config.max_len(12).max_age(Duration::from_secs(5))
            }
            _ => config,
        }
    }
}

/// A message to be.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) priority: Priority,
    pub(crate) key: Option<u8>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) delay: Option<Duration>,
    pub(crate) retries: u16,
}

/// Which dead letters.
#[derive(Debug, Clone)]
pub(crate) enum Which {
    All,
    Reason(DeadLetterReason),
    /// One of those there are, by its place modulo their number.
    Nth(usize),
}

/// Where a new group begins.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    Earliest,
    Latest,
    /// At a message published before, by its place modulo their number.
    Message(usize),
    /// That long ago.
    Ago(Duration),
}

/// A step. Groups are numbered, deliveries meant by their place modulo the number of those held.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// What a failing history's other steps shrink to.
    Nothing,
    Publish(Vec<Draft>),
    /// Publishes again what was published before.
    Repeat(usize),
    Receive {
        group: usize,
        member: usize,
        max: usize,
    },
    Ack {
        group: usize,
        first: usize,
        count: usize,
    },
    Retry {
        group: usize,
        pick: usize,
        delay: Duration,
    },
    Reject {
        group: usize,
        pick: usize,
    },
    Release {
        group: usize,
        first: usize,
        count: usize,
    },
    Extend {
        group: usize,
        pick: usize,
        lease: Duration,
    },
    Pass(Duration),
    Crash,
    Redrive {
        group: usize,
        which: Which,
    },
    Purge {
        group: usize,
        which: Which,
    },
    /// Deletes the last group and creates it anew.
    Regroup(Start),
    Bounds {
        max_len: u64,
        overflow: Overflow,
    },
}

/// Random histories.
pub(crate) fn steps(profile: Profile, length: Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let group = 0..3_usize;
    let pick = 0..64_usize;
    let step = prop_oneof![
        1 => Just(Step::Nothing),
        20 => vec(draft(profile), 1..5).prop_map(Step::Publish),
        3 => pick.clone().prop_map(Step::Repeat),
        30 => (group.clone(), 0..2_usize, 1..6_usize)
            .prop_map(|(group, member, max)| Step::Receive { group, member, max }),
        12 => (group.clone(), pick.clone(), 1..4_usize)
            .prop_map(|(group, first, count)| Step::Ack { group, first, count }),
        12 => (group.clone(), pick.clone(), millis())
            .prop_map(|(group, pick, delay)| Step::Retry { group, pick, delay }),
        5 => (group.clone(), pick.clone()).prop_map(|(group, pick)| Step::Reject { group, pick }),
        5 => (group.clone(), pick.clone(), 1..4_usize)
            .prop_map(|(group, first, count)| Step::Release { group, first, count }),
        4 => (group.clone(), pick, millis())
            .prop_map(|(group, pick, lease)| Step::Extend { group, pick, lease }),
        15 => millis().prop_map(Step::Pass),
        3 => special(profile),
        5 => (group.clone(), which()).prop_map(|(group, which)| Step::Redrive { group, which }),
        3 => (group, which()).prop_map(|(group, which)| Step::Purge { group, which }),
        3 => start().prop_map(Step::Regroup),
    ];
    vec(step, length)
}

/// What only this profile has.
fn special(profile: Profile) -> BoxedStrategy<Step> {
    let overflow = |drop| {
        if drop {
            Overflow::DropOldest
        } else {
            Overflow::Reject
        }
    };
    let bounds = move |(max_len, drop)| Step::Bounds {
        max_len,
        overflow: overflow(drop),
    };
    match profile {
        Profile::Priorities => millis().prop_map(Step::Pass).boxed(),
        Profile::Crashes => Just(Step::Crash).boxed(),
        Profile::SmallTopic | Profile::SmallLane => {
            (8..16_u64, any::<bool>()).prop_map(bounds).boxed()
        }
    }
}

fn draft(profile: Profile) -> impl Strategy<Value = Draft> {
    let priority = match profile.has_priorities() {
        false => Just(Priority::Normal).boxed(),
        true => proptest::sample::select(&Priority::ALL[..]).boxed(),
    };
    (
        priority,
        option::of(0..3_u8),
        option::weighted(0.2, millis()),
        option::weighted(0.2, millis()),
        0..3_u16,
    )
        .prop_map(|(priority, key, ttl, delay, retries)| Draft {
            priority,
            key,
            ttl,
            delay,
            retries,
        })
}

/// From nothing to a few leases, and equal ones often, because ties are where orders differ.
fn millis() -> impl Strategy<Value = Duration> {
    prop_oneof![
        2 => Just(0),
        4 => proptest::sample::select(vec![1_u64, 500, 1000, 1001, 2000, 3000]),
        2 => 0..4000_u64,
    ]
    .prop_map(Duration::from_millis)
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        Just(Which::All),
        proptest::sample::select(&DeadLetterReason::ALL[..3]).prop_map(Which::Reason),
        (0..64_usize).prop_map(Which::Nth),
    ]
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        Just(Start::Earliest),
        Just(Start::Latest),
        (0..64_usize).prop_map(Start::Message),
        millis().prop_map(Start::Ago),
    ]
}
