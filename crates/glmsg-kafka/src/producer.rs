//! Sending records and learning what became of them.
//!
//! One ticket stands for all records of a call. Kafka's reports count it down, and the last wakes
//! the caller: a channel for each record would cost more than all else.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer,
};
use rdkafka::{ClientContext, Message as _};
use tokio::sync::Notify;

use crate::KafkaConfig;
use crate::error::from_kafka;
use crate::trouble::Trouble;

/// A record to send.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) topic: &'a str,
    /// Where; by its key, if it is left to Kafka.
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a [u8]>,
    /// Without one it is a tombstone.
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: Option<OwnedHeaders>,
}

/// Where a record stands: its partition and offset.
pub(crate) type Place = (i32, i64);

/// What is known of the records of a call.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    /// Which were not stored, or may not have been.
    pub(crate) failed: Vec<(usize, KafkaError)>,
    /// Where the others came to stand, where that is asked for.
    pub(crate) places: Vec<(usize, Place)>,
}

/// What became of the records of a call.
#[derive(Debug)]
struct Ticket {
    left: AtomicUsize,
    wants_places: AtomicBool,
    reported: Mutex<Reported>,
    done: Notify,
}

impl Ticket {
    fn count_down(&self, by: usize) {
        if self.left.fetch_sub(by, Ordering::AcqRel) == by {
            self.done.notify_one();
        }
    }

    fn reported(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which record of which call.
pub(crate) struct Report {
    ticket: Arc<Ticket>,
    index: usize,
}

/// Who waits for room in the client's queue.
#[derive(Debug, Default)]
struct Room {
    waiting: AtomicUsize,
    freed: Notify,
}

/// Takes Kafka's reports.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    room: Arc<Room>,
    trouble: Arc<Trouble>,
}

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble.note(&error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Report>;

    fn delivery(&self, result: &DeliveryResult<'_>, report: Box<Report>) {
        let Report { ticket, index } = *report;
        match result {
            Err((error, _)) => ticket.reported().failed.push((index, error.clone())),
            // Kafka takes it for one that it has already, and does not know where. It may not have it.
            Ok(record) if record.offset() < 0 => {
                let code = RDKafkaErrorCode::DuplicateSequenceNumber;
                let error = KafkaError::MessageProduction(code);
                ticket.reported().failed.push((index, error));
            }
            Ok(record) if ticket.wants_places.load(Ordering::Relaxed) => {
                let place = (record.partition(), record.offset());
                ticket.reported().places.push((index, place));
            }
            Ok(_) => {}
        }
        ticket.count_down(1);
        if self.room.waiting.load(Ordering::SeqCst) > 0 {
            self.room.freed.notify_waiters();
        }
    }
}

/// A producer.
pub(crate) struct Producer {
    inner: ThreadedProducer<Reports>,
    room: Arc<Room>,
    /// Why no broker is reached, while none is.
    pub(crate) trouble: Arc<Trouble>,
    timeout: Duration,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Producer")
    }
}

impl Producer {
    pub(crate) fn new(config: &KafkaConfig) -> Result<Self> {
        Self::with(&config.producer()?, config.timeout)
    }

    /// One of other settings.
    pub(crate) fn with(settings: &ClientConfig, timeout: Duration) -> Result<Self> {
        let reports = Reports::default();
        let (room, trouble) = (Arc::clone(&reports.room), Arc::clone(&reports.trouble));
        let made = settings.create_with_context(reports);
        Ok(Self {
            inner: made.map_err(|e| from_kafka(&e, false))?,
            room,
            trouble,
            timeout,
        })
    }

    pub(crate) fn client(&self) -> &rdkafka::client::Client<Reports> {
        self.inner.client()
    }

    /// Begins to send at most so many records.
    pub(crate) fn begin(&self, most: usize) -> Sending<'_> {
        Sending {
            producer: self,
            ticket: Arc::new(Ticket {
                // One more than there are, so that it is not done before all are sent.
                left: AtomicUsize::new(most + 1),
                wants_places: AtomicBool::new(false),
                reported: Mutex::default(),
                done: Notify::new(),
            }),
            unsent: most,
        }
    }

    /// Sends records in their order, and waits for what becomes of them: one outcome for each.
    ///
    /// What was begun goes on if the future is dropped.
    pub(crate) async fn send(&self, records: Vec<Record<'_>>) -> Vec<Result<()>> {
        let mut sending = self.begin(records.len());
        let mut outcomes = Vec::with_capacity(records.len());
        for (index, record) in records.into_iter().enumerate() {
            outcomes.push(sending.put(index, record).await);
        }
        for (index, error) in sending.finish().await.failed {
            outcomes[index] = Err(from_kafka(&error, true));
        }
        outcomes
    }

    /// Sends one.
    pub(crate) async fn send_one(&self, record: Record<'_>) -> Result<()> {
        self.send(vec![record]).await.remove(0)
    }

    /// Waits until everything is reported.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<()> {
        self.inner.flush(timeout).map_err(|e| from_kafka(&e, true))
    }
}

/// A call that sends records.
pub(crate) struct Sending<'a> {
    producer: &'a Producer,
    ticket: Arc<Ticket>,
    /// For how many more there is a place on the ticket.
    unsent: usize,
}

impl Sending<'_> {
    /// Where the records that follow come to stand is to be told.
    pub(crate) fn tell_places(&self) {
        self.ticket.wants_places.store(true, Ordering::Relaxed);
    }

    /// Hands a record to Kafka's client, and waits for room there. What becomes of it is told with
    /// this index.
    pub(crate) async fn put(&mut self, index: usize, record: Record<'_>) -> Result<()> {
        let report = Report {
            ticket: Arc::clone(&self.ticket),
            index,
        };
        let mut out = BaseRecord::<[u8], [u8], _>::with_opaque_to(record.topic, Box::new(report));
        (out.partition, out.key, out.headers) = (record.partition, record.key, record.headers);
        out.payload = record.value;
        match self.producer.inner.send(out) {
            Ok(()) => {}
            Err((error, back)) if is_full(&error) => {
                Box::pin(self.producer.wait_and_send(back)).await?;
            }
            Err((error, _)) => return Err(from_kafka(&error, false)),
        }
        self.unsent -= 1;
        Ok(())
    }

    /// Waits for what becomes of all that was handed over.
    pub(crate) async fn finish(self) -> Reported {
        self.ticket.count_down(self.unsent + 1);
        while self.ticket.left.load(Ordering::Acquire) > 0 {
            self.ticket.done.notified().await;
        }
        std::mem::take(&mut *self.ticket.reported())
    }
}

type Out<'a> = BaseRecord<'a, [u8], [u8], Box<Report>>;

impl Producer {
    async fn wait_and_send(&self, mut out: Out<'_>) -> Result<()> {
        let _waiting = Waiting::new(&self.room);
        let until = tokio::time::Instant::now() + self.timeout;
        loop {
            // Made before trying, so that no report falls between trying and waiting.
            let freed = self.room.freed.notified();
            let (error, back) = match self.inner.send(out) {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            if !is_full(&error) {
                return Err(from_kafka(&error, false));
            }
            if tokio::time::timeout_at(until, freed).await.is_err() {
                return Err(Error::new(
                    ErrorKind::Throttled,
                    "the client's queue is full and Kafka takes nothing from it",
                )
                .remedy("publish less at once, or see what is wrong with the cluster"));
            }
            out = back;
        }
    }
}

fn is_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}

/// One who waits for room, as long as it lives.
struct Waiting<'a>(&'a Room);

impl<'a> Waiting<'a> {
    fn new(room: &'a Room) -> Self {
        room.waiting.fetch_add(1, Ordering::SeqCst);
        Self(room)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
