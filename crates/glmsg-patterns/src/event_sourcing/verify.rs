//! Whether a stream is as it was recorded, and if not, what was done to it.

mod walk;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use glmsg_broker::Storage;
use glmsg_core::{Error, ErrorKind, Result, TopicName};

use self::walk::{Seen, Walk};
use super::chain::{ChainHash, Link};
use super::store::{BATCH, log};
use super::{Checkpoint, EventStore};

/// How many records ahead are looked at to tell what happened at a place.
const AHEAD: usize = 3;

/// Something that was done to a stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Tampering {
    /// The event of this version is not what was recorded: a bit or more of it was changed, or it
    /// was written anew.
    Changed {
        /// The version.
        version: u64,
    },
    /// These events are gone, and others that came behind them are there.
    Removed {
        /// The version of the first.
        from: u64,
        /// The version of the last.
        to: u64,
    },
    /// The event is there, but not in its place.
    Reordered {
        /// The version.
        version: u64,
        /// The place it stands at, from 1.
        place: u64,
    },
    /// What stands at this place was never appended there.
    Inserted {
        /// The place, from 1.
        place: u64,
    },
    /// The end is gone: the stream had come further.
    TailCut {
        /// The version of the first event that is gone.
        from: u64,
        /// The version of the last that is known of.
        to: u64,
    },
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { version } => write!(f, "event {version} was changed"),
            Self::Removed { from, to } if from == to => write!(f, "event {from} was removed"),
            Self::Removed { from, to } => write!(f, "events {from} to {to} were removed"),
            Self::Reordered { version, place } => {
                write!(f, "event {version} was moved to place {place}")
            }
            Self::Inserted { place } => write!(f, "something was inserted at place {place}"),
            Self::TailCut { from, to } => write!(f, "the end was cut: events {from} to {to}"),
        }
    }
}

/// What was found in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// How many events the stream holds.
    pub events: u64,
    /// How many of them, at the end, are covered by no checkpoint: a writer has stored them and
    /// ended before it could say so, or is about to say so. Who could write to the store could have
    /// put them there. The next append makes up for it.
    pub uncovered: u64,
    /// What was done to it, in order; at most 1 000.
    pub tampering: Vec<Tampering>,
}

impl Verification {
    /// Whether the stream is as it was recorded.
    pub fn is_intact(&self) -> bool {
        self.tampering.is_empty()
    }
}

impl EventStore {
    /// Reads the whole stream and finds what was changed, removed, reordered or inserted; by the
    /// store's own checkpoint also a tail that was cut.
    ///
    /// It finds faults, and whoever can change some of the store. Who can write all of it can chain
    /// the events anew and change the checkpoint, too: see [`verify_against`](Self::verify_against).
    /// Reading takes memory for some hundred events at a time.
    ///
    /// # Errors
    /// Those of the storage; `Codec` if the store's own checkpoint is damaged. What is wrong with
    /// events is no error but a finding.
    pub async fn verify(&self, stream: impl AsRef<str>) -> Result<Verification> {
        self.verify_against(stream, &[]).await
    }

    /// [`verify`](Self::verify), and whether the stream has come from where these checkpoints say it
    /// was. What they cover cannot be written anew, or cut, by whoever cannot change them.
    ///
    /// # Errors
    /// As `verify`; `InvalidArgument` for a checkpoint of another stream.
    pub async fn verify_against(
        &self,
        stream: impl AsRef<str>,
        checkpoints: &[Checkpoint],
    ) -> Result<Verification> {
        let stream = TopicName::new(stream)?;
        let mut known: BTreeMap<u64, Vec<ChainHash>> = BTreeMap::new();
        // First: what is appended meanwhile is behind it.
        let own = self.anchor(&stream).await?.map(|(anchor, _)| anchor);
        for checkpoint in own.iter().chain(checkpoints) {
            if checkpoint.stream != stream.as_str() {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "the checkpoint is of another stream",
                )
                .operation("verify")
                .with("stream", &stream)
                .with("checkpoint", &checkpoint.stream));
            }
            known
                .entry(checkpoint.version)
                .or_default()
                .push(checkpoint.hash);
        }
        let mut walk = Walk::new(known);
        let (mut ahead, mut at, mut is_end) = (VecDeque::new(), 0, false);
        loop {
            if ahead.len() <= AHEAD && !is_end {
                let records = self.storage.read(&log(&stream)?, at, BATCH).await?;
                is_end = records.is_empty();
                for record in records {
                    at = record.version;
                    let link = Link::decode(&record.data).ok();
                    let link = link.filter(|link| *link.event.stream() == stream);
                    ahead.push_back(Seen::new(record.version, link.as_ref()));
                }
                continue;
            }
            let Some(seen) = ahead.pop_front() else {
                return Ok(walk.finish(at));
            };
            walk.step(seen, &ahead);
        }
    }
}
