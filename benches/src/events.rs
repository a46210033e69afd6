//! Streams of events: appending under an expected version, and reading everything again.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use glmsg::patterns::event_sourcing::{EventStore, NewEvent, ReplayFrom};
use glmsg::{Broker, Expected, Storage, StorageKey};

use crate::outcome::must_equal;
use crate::{Measured, Outcome, Stopwatch, sample};

/// The stream of every workload.
const STREAM: &str = "bench.account";
/// How many events an append has when a stream is filled.
const FILL: u64 = 500;
/// What is appended before the time runs.
pub(crate) const WARM: u64 = 20;

/// Who appends: one task, that awaits each append before its next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appending {
    /// So many events an append.
    pub(crate) batch: u64,
    pub(crate) lasting: Duration,
}

/// One stream, that this alone appends to.
#[derive(Clone)]
pub(crate) struct Events {
    store: EventStore,
    broker: Arc<dyn Broker>,
}

impl Events {
    pub(crate) async fn open(broker: Arc<dyn Broker>) -> Outcome<Self> {
        let store = EventStore::open(&broker).await?;
        Ok(Self { store, broker })
    }

    /// A stream of `count` events.
    pub(crate) async fn filled(broker: Arc<dyn Broker>, count: u64) -> Outcome<Self> {
        let this = Self::open(broker).await?;
        let mut next = 0;
        while next < count {
            let end = count.min(next + FILL);
            this.append(next..end).await?;
            next = end;
        }
        Ok(this)
    }

    /// Appends to an empty stream, under the version each time that the append before has left.
    pub(crate) async fn append_for(
        self,
        appending: Appending,
        start: impl FnOnce() -> Stopwatch,
    ) -> Outcome<Measured> {
        for number in 0..WARM {
            self.append(number..number + 1).await?;
        }
        let watch = start();
        let end = Instant::now() + appending.lasting;
        let mut next = WARM;
        while Instant::now() < end {
            self.append(next..next + appending.batch).await?;
            next += appending.batch;
        }
        let measured = watch.stop(next - WARM);
        self.must_hold(next).await?;
        let verified = self.store.verify(STREAM).await?;
        match verified.is_intact() {
            true => Ok(measured),
            false => Err(format!("the stream is not intact: {verified:?}").into()),
        }
    }

    /// Reads all events in order, `count` of them.
    pub(crate) async fn replay(
        self,
        count: u64,
        start: impl FnOnce() -> Stopwatch,
    ) -> Outcome<Measured> {
        let watch = start();
        self.must_hold(count).await?;
        Ok(watch.stop(count))
    }

    /// How long a stored event is, with its hashes and all.
    pub(crate) async fn size_of_one(&self) -> Outcome<usize> {
        let log = StorageKey::new(format!("event/stream/{STREAM}"))?;
        let records = self.broker.open_storage().await?.read(&log, 0, 1).await?;
        let record = records.first().ok_or("there is no event")?;
        Ok(record.data.len())
    }

    pub(crate) async fn close(&self) -> Outcome<()> {
        Ok(self.broker.close().await?)
    }

    async fn append(&self, numbers: Range<u64>) -> Outcome<()> {
        let expected = Expected::Version(numbers.start);
        let last = numbers.end;
        let events = numbers.map(|number| {
            let data = Bytes::copy_from_slice(&sample::payload(number));
            NewEvent::bytes("counted", data)
        });
        let appended = self.store.append(STREAM, expected, events).await?;
        must_equal("version", appended.version, last)
    }

    /// Fails unless a replay gives `count` events, each in its place.
    async fn must_hold(&self, count: u64) -> Outcome<()> {
        let mut replay = self.store.replay(STREAM, ReplayFrom::Beginning).await?;
        let mut read = 0;
        while let Some(event) = replay.next().await? {
            if sample::number(event.data()) != Some(read) {
                return Err(format!("event {read} is not in its place").into());
            }
            read += 1;
        }
        must_equal("events", read, count)
    }
}
