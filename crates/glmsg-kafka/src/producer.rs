//! Sending records and learning what became of them.
//!
//! One ticket stands for all records of a call. Kafka's reports count it down, and the last wakes
//! the caller: a channel for each record would cost more than all else.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer,
};
use rdkafka::{ClientContext, Message as _};
use tokio::sync::Notify;

use crate::KafkaConfig;
use crate::error::from_kafka;

/// A record to send.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) topic: &'a str,
    /// Where; by its key, if it is left to Kafka.
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: &'a [u8],
    pub(crate) headers: Option<OwnedHeaders>,
}

/// What became of the records of a call.
#[derive(Debug)]
struct Ticket {
    left: AtomicUsize,
    failed: Mutex<Vec<(usize, KafkaError)>>,
    /// Where the records came to stand, where that is asked for.
    places: Option<Mutex<Vec<(usize, Place)>>>,
    done: Notify,
}

/// Where a record stands: its partition and offset.
pub(crate) type Place = (i32, i64);

impl Ticket {
    fn count_down(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }
}

/// Which record of which call.
pub(crate) struct Report {
    ticket: Arc<Ticket>,
    index: usize,
}

/// Takes Kafka's reports.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    /// There is room for another record.
    room: Arc<Notify>,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Report>;

    fn delivery(&self, result: &DeliveryResult<'_>, report: Box<Report>) {
        let Report { ticket, index } = *report;
        match (result, &ticket.places) {
            (Err((error, _)), _) => {
                let failed = ticket.failed.lock();
                let mut failed = failed.unwrap_or_else(PoisonError::into_inner);
                failed.push((index, error.clone()));
            }
            // Kafka takes it for one that it has already, and does not know where. It may not have it.
            (Ok(record), _) if record.offset() < 0 => {
                let failed = ticket.failed.lock();
                let mut failed = failed.unwrap_or_else(PoisonError::into_inner);
                let code = RDKafkaErrorCode::DuplicateSequenceNumber;
                failed.push((index, KafkaError::MessageProduction(code)));
            }
            (Ok(record), Some(places)) => {
                let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
                places.push((index, (record.partition(), record.offset())));
            }
            (Ok(_), None) => {}
        }
        ticket.count_down();
        self.room.notify_waiters();
    }
}

/// An idempotent producer.
pub(crate) struct Producer {
    inner: ThreadedProducer<Reports>,
    room: Arc<Notify>,
    timeout: Duration,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Producer")
    }
}

impl Producer {
    pub(crate) fn new(config: &KafkaConfig) -> Result<Self> {
        let reports = Reports::default();
        let room = Arc::clone(&reports.room);
        let made = config.producer()?.create_with_context(reports);
        Ok(Self {
            inner: made.map_err(|e| from_kafka(&e, false))?,
            room,
            timeout: config.timeout,
        })
    }

    pub(crate) fn client(&self) -> &rdkafka::client::Client<Reports> {
        self.inner.client()
    }

    /// Sends records in their order, and waits for what becomes of them: one outcome for each.
    ///
    /// What was begun goes on if the future is dropped.
    pub(crate) async fn send(&self, records: Vec<Record<'_>>) -> Vec<Result<()>> {
        self.send_and_tell(records, false).await.0
    }

    /// The same, and tells where those came to stand that are stored, if that is asked for.
    pub(crate) async fn send_and_tell(
        &self,
        records: Vec<Record<'_>>,
        tell: bool,
    ) -> (Vec<Result<()>>, Vec<(usize, Place)>) {
        let count = records.len();
        let ticket = Arc::new(Ticket {
            // One more than there are, so that it is not done before all are sent.
            left: AtomicUsize::new(count + 1),
            failed: Mutex::default(),
            places: tell.then(Mutex::default),
            done: Notify::new(),
        });
        let mut outcomes: Vec<Result<()>> = Vec::with_capacity(count);
        for (index, record) in records.into_iter().enumerate() {
            let report = Report {
                ticket: Arc::clone(&ticket),
                index,
            };
            let sent = self.enqueue(record, report).await;
            if sent.is_err() {
                ticket.count_down();
            }
            outcomes.push(sent);
        }
        ticket.count_down();
        while ticket.left.load(Ordering::Acquire) > 0 {
            ticket.done.notified().await;
        }
        let failed = ticket.failed.lock();
        let failed = std::mem::take(&mut *failed.unwrap_or_else(PoisonError::into_inner));
        for (index, error) in failed {
            outcomes[index] = Err(from_kafka(&error, true));
        }
        let places = ticket.places.as_ref().map(|places| {
            let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *places)
        });
        (outcomes, places.unwrap_or_default())
    }

    /// Sends one.
    pub(crate) async fn send_one(&self, record: Record<'_>) -> Result<()> {
        self.send(vec![record]).await.remove(0)
    }

    /// Hands a record to Kafka's client, and waits for room there.
    async fn enqueue(&self, record: Record<'_>, report: Report) -> Result<()> {
        let mut out = BaseRecord::<[u8], [u8], _>::with_opaque_to(record.topic, Box::new(report))
            .payload(record.value);
        (out.partition, out.key, out.headers) = (record.partition, record.key, record.headers);
        let until = tokio::time::Instant::now() + self.timeout;
        loop {
            // Made before trying, so that no report falls between trying and waiting.
            let room = self.room.notified();
            let (error, back) = match self.inner.send(out) {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(from_kafka(&error, false));
            }
            if tokio::time::timeout_at(until, room).await.is_err() {
                return Err(Error::new(
                    ErrorKind::Throttled,
                    "the client's queue is full and Kafka takes nothing from it",
                )
                .remedy("publish less at once, or see what is wrong with the cluster"));
            }
            out = back;
        }
    }

    /// Waits until everything is reported.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<()> {
        self.inner.flush(timeout).map_err(|e| from_kafka(&e, true))
    }
}
