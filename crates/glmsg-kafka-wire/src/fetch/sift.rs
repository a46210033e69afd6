//! What of an answer is of use for an application.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use glmsg_core::{Error, Result};
use kafka_protocol::messages::fetch_response::AbortedTransaction;

use super::fetched::{Content, FetchedBatch};
use super::settings::FetchSettings;
use crate::record::{Batch, Batches};

/// What an answer holds of a partition.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) generation: u64,
    /// The offset that was asked for.
    pub(super) from: i64,
    pub(super) bytes: Bytes,
    pub(super) aborted: Vec<AbortedTransaction>,
    pub(super) high_watermark: i64,
    pub(super) last_stable: i64,
}

/// What is of use of it.
#[derive(Debug)]
pub(super) struct Sifted {
    pub(super) batches: Vec<FetchedBatch>,
    /// How many bytes they hold.
    pub(super) size: usize,
    /// The offset that follows.
    pub(super) next: i64,
    /// What is wrong with what follows, and the offset after that as far as that can be told.
    pub(super) damage: Option<(Error, Option<i64>)>,
}

/// How far an answer goes, by the headers of its batches alone.
pub(super) struct Reach {
    pub(super) next: i64,
    /// Nothing can be made of it: its first batch is cut off.
    pub(super) is_cut: bool,
}

pub(super) fn reach(bytes: &Bytes, from: i64) -> Reach {
    let mut next = from;
    let mut is_cut = !bytes.is_empty();
    for batch in Batches::new(bytes.clone()) {
        is_cut = false;
        match batch {
            Ok(batch) => next = next.max(batch.header().next_offset()),
            Err(_) => break,
        }
    }
    Reach { next, is_cut }
}

/// Checks an answer and leaves out what is none of an application's. Compressed batches are opened
/// as long as there is `room`.
pub(super) fn sift(arrival: &Arrival, settings: &FetchSettings, room: usize) -> Sifted {
    let mut sifted = Sifted {
        batches: Vec::new(),
        size: 0,
        next: arrival.from,
        damage: None,
    };
    let mut aborted = Aborted::new(&arrival.aborted);
    for batch in Batches::new(arrival.bytes.clone()) {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                sifted.damage = Some((error, None));
                break;
            }
        };
        let next = batch.header().next_offset();
        if next <= arrival.from {
            continue;
        }
        let passes = batch.check().and_then(|()| {
            let is_aborted = settings.read_committed && aborted.covers(&batch)?;
            Ok(!is_aborted && !batch.header().is_control)
        });
        match passes {
            Ok(true) => sifted.keep(batch, arrival.from, settings, room),
            Ok(false) => {}
            Err(error) => {
                sifted.damage = Some((error, Some(next)));
                break;
            }
        }
        sifted.next = sifted.next.max(next);
    }
    sifted
}

impl Sifted {
    fn keep(&mut self, batch: Batch, from: i64, settings: &FetchSettings, room: usize) {
        let most = settings.max_inflated;
        let opened = match batch.is_packed() && self.size >= room {
            true => None,
            // Why it cannot be opened is told when it is taken.
            false => batch.open(most).ok(),
        };
        let content = match opened {
            Some(records) => Content::Open(records.starting_at(from)),
            None => Content::Packed { batch, from, most },
        };
        let batch = FetchedBatch(content);
        self.size += batch.size();
        self.batches.push(batch);
    }
}

/// Transactions that were aborted, of those that an answer has records of.
#[derive(Debug)]
struct Aborted {
    /// In the order of their first records.
    to_come: VecDeque<(i64, i64)>,
    /// Producers whose records belong to one of them, up to its end.
    producers: HashSet<i64>,
}

impl Aborted {
    fn new(transactions: &[AbortedTransaction]) -> Self {
        let each = transactions
            .iter()
            .map(|t| (t.first_offset, t.producer_id.0));
        let mut to_come: Vec<_> = each.collect();
        to_come.sort_unstable();
        Self {
            to_come: to_come.into(),
            producers: HashSet::new(),
        }
    }

    /// Whether a batch is part of one of them. Batches are asked about in their order.
    fn covers(&mut self, batch: &Batch) -> Result<bool> {
        let header = batch.header();
        while let Some((first, producer)) = self.to_come.front()
            && *first <= header.last_offset
        {
            self.producers.insert(*producer);
            self.to_come.pop_front();
        }
        if self.producers.is_empty() || !header.is_transactional {
            return Ok(false);
        }
        if !header.is_control {
            return Ok(self.producers.contains(&header.producer_id));
        }
        if is_abort(batch)? {
            self.producers.remove(&header.producer_id);
        }
        Ok(false)
    }
}

/// More than the records of a control batch take.
const CONTROL: usize = 1 << 16;

/// Whether a control batch says that a transaction was aborted.
fn is_abort(batch: &Batch) -> Result<bool> {
    let records = batch.open(CONTROL)?;
    for record in &records {
        // A version, then the kind: 0 of an abort, 1 of a commit.
        if let Some([_, _, 0, 0]) = record?.key {
            return Ok(true);
        }
    }
    Ok(false)
}
