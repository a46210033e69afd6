//! What a fetcher gives.

use std::sync::Arc;

use glmsg_core::{Error, Result};

use crate::record::{Batch, Header, Records};

/// The number of an assignment. What was fetched for an earlier one of a partition has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub(super) u64);

/// What came of one partition.
#[derive(Debug)]
pub struct Fetched {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition of it.
    pub partition: i32,
    /// The assignment or seek that it was fetched for.
    pub generation: Generation,
    /// What came.
    pub what: What,
}

/// What came of a partition.
#[derive(Debug)]
pub enum What {
    /// Records, or that there are none yet.
    Records(Portion),
    /// What was asked for is not there, as it was removed or never was: the earliest follows.
    Moved {
        /// The offset that was asked for.
        asked: i64,
        /// The offset of what follows.
        earliest: i64,
    },
    /// The cluster does not have the partition, as far as its brokers know. It is asked for again
    /// all the while, and told of once until it was there.
    Missing(Error),
    /// Reading it is not allowed or not possible. It is tried again all the while, and told of once.
    Refused(Error),
    /// A batch came with other bytes than were stored, or in a form that is not known. It is fetched
    /// again all the while, and told of once; a seek to `next` leaves it out.
    Damaged {
        /// The offset that it was to begin with.
        offset: i64,
        /// The offset after it, as far as that can be told.
        next: Option<i64>,
        /// What is wrong with it.
        error: Error,
    },
}

/// A part of a partition: what is not of use for an application is left out.
#[derive(Debug)]
pub struct Portion {
    /// What is in it, in its order: nothing, if all of it was left out.
    pub batches: Vec<FetchedBatch>,
    /// The offset after it, and after what was left out.
    pub next: i64,
    /// The offset after the last record that is stored for good.
    pub high_watermark: i64,
    /// The offset of the first record whose transaction has not ended, or `high_watermark`; what is
    /// committed is read up to here. A partition is read to its end once `next` is at this one.
    pub last_stable: i64,
}

/// A batch whose bytes are those that were stored.
#[derive(Debug, Clone)]
pub struct FetchedBatch(pub(super) Content);

/// The records of a batch.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// They can be read.
    Open(Records),
    /// They are compressed still: to spare memory, or as it did not work.
    Packed {
        batch: Batch,
        from: i64,
        most: usize,
    },
}

impl FetchedBatch {
    /// What stands before its records.
    pub const fn header(&self) -> &Header {
        match &self.0 {
            Content::Open(records) => records.header(),
            Content::Packed { batch, .. } => batch.header(),
        }
    }

    /// How many bytes of memory it holds.
    pub const fn size(&self) -> usize {
        match &self.0 {
            Content::Open(records) => records.size(),
            Content::Packed { batch, .. } => batch.size(),
        }
    }

    /// Its records, from the offset on that was asked for.
    ///
    /// # Errors
    /// Those of [`Batch::open`]. They would come again: it is what was stored.
    pub fn records(self) -> Result<Records> {
        match self.0 {
            Content::Open(records) => Ok(records),
            Content::Packed { batch, from, most } => {
                batch.open(most).map(|records| records.starting_at(from))
            }
        }
    }
}

/// How far a partition is read, and how far it could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The offset that is fetched next: what was fetched before may not be taken yet.
    pub next: i64,
    /// The offset of the first record that is still there.
    pub log_start: i64,
    /// The offset after the last record that is stored for good.
    pub high_watermark: i64,
    /// The offset of the first record whose transaction has not ended, or `high_watermark`.
    pub last_stable: i64,
}
