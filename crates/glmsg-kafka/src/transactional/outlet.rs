//! A transactional producer. All of it blocks.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use glmsg_core::{Error, ErrorKind, Result, RetryClass};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::{ClientContext, Message as _, TopicPartitionList};

use super::options::TransactionalOptions;
use super::state::Outgoing;
use crate::KafkaConfig;
use crate::encode::for_library;
use crate::error::from_kafka;
use crate::error::transaction::{Verdict, verdict};

/// The longest that brokers let a transaction be open, unless they are told otherwise.
const LONGEST: Duration = Duration::from_secs(900);

/// How long reports are served at a time: the client serves them for all of it, also if there are no
/// more.
const AT_A_TIME: Duration = Duration::from_millis(1);

/// What became of a transaction that could not be committed.
#[derive(Debug)]
pub(super) enum Failed {
    /// It is not committed, and is to be aborted.
    Refused(Error),
    /// It is not known what became of it: the producer is of no use any more.
    Lost(Error),
    /// Somebody else has the transactional id, or the cluster has given the transaction up.
    Fenced(Error),
}

/// The first record of a transaction that was not stored.
#[derive(Debug, Clone, Default)]
struct Reports(Arc<Mutex<Option<KafkaError>>>);

impl Reports {
    fn take(&self) -> Option<KafkaError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let error = match result {
            // As with other publishes: stored, and not known where, is not known to be stored.
            Ok(record) if record.offset() < 0 => {
                KafkaError::MessageProduction(RDKafkaErrorCode::DuplicateSequenceNumber)
            }
            Ok(_) => return,
            Err((error, _)) => error.clone(),
        };
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }
}

pub(super) struct Outlet {
    producer: BaseProducer<Reports>,
    reports: Reports,
    timeout: Duration,
}

impl Outlet {
    /// Makes a producer. Whoever had its id is shut out, and what was under way is settled.
    pub(super) fn open(
        config: &KafkaConfig,
        id: &str,
        options: &TransactionalOptions,
    ) -> Result<Self> {
        let timeout = config.timeout * 2;
        // Ours is over before the cluster's, so that a transaction is not shut out for its age.
        let theirs = (options.timeout + timeout).min(LONGEST);
        let mut client = config.producer()?;
        let longest = config.timeout.max(Duration::from_secs(5)).min(theirs);
        client
            .set("transactional.id", id)
            .set("transaction.timeout.ms", theirs.as_millis().to_string())
            .set("message.timeout.ms", longest.as_millis().to_string());
        let reports = Reports::default();
        let made = client.create_with_context(reports.clone());
        let producer: BaseProducer<Reports> = made.map_err(|e| from_kafka(&e, false))?;
        let until = Instant::now() + timeout;
        loop {
            let Err(error) = producer.init_transactions(timeout) else {
                break;
            };
            if verdict(&error) != Verdict::Retry || Instant::now() >= until {
                return Err(from_kafka(&error, false).with("transactional_id", id));
            }
        }
        Ok(Self {
            producer,
            reports,
            timeout,
        })
    }

    pub(super) fn begin(&self) -> Result<(), Failed> {
        drop(self.reports.take());
        let begun = self.producer.begin_transaction();
        begun.map_err(|error| self.judge(&error, false))
    }

    /// Has reports served.
    pub(super) fn poll(&self) {
        self.producer.poll(Duration::ZERO);
    }

    /// Hands a record to the client, and waits for room there.
    pub(super) fn send(&self, record: &Outgoing) -> Result<(), Failed> {
        let until = Instant::now() + self.timeout;
        let mut out = BaseRecord::<[u8], [u8]>::to(&record.topic)
            .payload(&record.value)
            .headers(for_library(&record.headers));
        out.partition = record.partition;
        out.key = record.key.as_deref();
        loop {
            let (error, back) = match self.producer.send(out) {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            if !is_full || Instant::now() >= until {
                return Err(self.unsent(&error));
            }
            self.producer.poll(Duration::from_millis(10));
            out = back;
        }
    }

    /// Waits for the reports on all that was sent.
    fn flush(&self) -> KafkaResult<()> {
        let until = Instant::now() + self.timeout;
        loop {
            match self.producer.flush(Duration::ZERO) {
                Err(_) if Instant::now() < until => self.producer.poll(AT_A_TIME),
                flushed => return flushed,
            }
        }
    }

    /// Commits what was sent, together with how far the group has read.
    pub(super) fn commit(
        &self,
        offsets: &TopicPartitionList,
        member: Option<&ConsumerGroupMetadata>,
        step: impl Fn(&'static str),
    ) -> Result<(), Failed> {
        let flushed = self.flush();
        let unsent = self.reports.take().or(flushed.err());
        if offsets.count() > 0 {
            let Some(member) = member else {
                let text = "the group is sharing out its partitions";
                let error = Error::new(ErrorKind::Unavailable, text);
                return Err(Failed::Refused(error));
            };
            step("send-offsets");
            // Also where records were not stored: it tells what the transaction failed of, and they
            // only that it has.
            let producer = &self.producer;
            let sent = producer.send_offsets_to_transaction(offsets, member, self.timeout);
            sent.map_err(|error| self.judge(&error, false))?;
        }
        if let Some(error) = unsent {
            return Err(self.unsent(&error));
        }
        step("commit");
        let done = self.producer.commit_transaction(self.timeout);
        done.map_err(|error| self.judge(&error, true))
    }

    pub(super) fn abort(&self) -> Result<(), Failed> {
        let is_over = AtomicBool::new(false);
        let done = thread::scope(|scope| {
            // The client waits until each record that was sent is reported on, and has the reports
            // served by others than who waits.
            let serve = || {
                while !is_over.load(SeqCst) {
                    self.producer.poll(AT_A_TIME);
                }
            };
            if self.producer.in_flight_count() > 0 {
                let serving = thread::Builder::new().name("glmsg-kafka-abort".into());
                if let Err(error) = serving.spawn_scoped(scope, serve) {
                    tracing::debug!(%error, "a thread for reports could not be started");
                }
            }
            let done = self.producer.abort_transaction(self.timeout);
            is_over.store(true, SeqCst);
            done
        });
        done.map_err(|error| self.judge(&error, false))
    }

    /// A record could not be sent or was not stored: the transaction is not to be committed.
    fn unsent(&self, error: &KafkaError) -> Failed {
        if self.is_fenced(error) {
            return Failed::Fenced(from_kafka(error, false));
        }
        Failed::Refused(from_kafka(error, false).operation("publish"))
    }

    fn judge(&self, error: &KafkaError, may_be_done: bool) -> Failed {
        let verdict = verdict(error);
        if verdict == Verdict::Abort {
            return Failed::Refused(from_kafka(error, false));
        }
        if self.is_fenced(error) {
            return Failed::Fenced(from_kafka(error, false));
        }
        // Where it was under way it may be committed, whatever the error says.
        if may_be_done {
            let text = "it is not known whether the transaction was committed";
            let told = Error::new(ErrorKind::Indeterminate, text)
                .source(from_kafka(error, true))
                .remedy("begin the next one: it goes on from where the group is");
            return Failed::Lost(told);
        }
        // A new producer can do what this one no longer can.
        Failed::Lost(from_kafka(error, false).retry(RetryClass::Transient))
    }

    fn is_fenced(&self, error: &KafkaError) -> bool {
        let is = |code| {
            matches!(
                code,
                RDKafkaErrorCode::Fenced
                    | RDKafkaErrorCode::ProducerFenced
                    | RDKafkaErrorCode::InvalidProducerEpoch
            )
        };
        let code = match error {
            KafkaError::Transaction(inner) => Some(inner.code()),
            other => other.rdkafka_error_code(),
        };
        let fatal = self.producer.client().fatal_error();
        code.is_some_and(is) || fatal.is_some_and(|(code, _)| is(code))
    }
}
