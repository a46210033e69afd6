//! Sending records and learning what became of them.

use std::sync::Arc;
use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};
use glmsg_kafka_wire::{Call, Cluster, Failure, ProducerSettings};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use crate::KafkaConfig;
use crate::error::from_code;

pub(crate) use glmsg_kafka_wire::{NewRecord as Record, Place};

/// A producer.
#[derive(Debug)]
pub(crate) struct Producer(glmsg_kafka_wire::Producer);

impl Producer {
    /// One that stores each record once, and sends again what is not answered.
    pub(crate) fn new(cluster: Arc<Cluster>, config: &KafkaConfig) -> Self {
        Self::with(cluster, config.sending())
    }

    /// One of other settings.
    pub(crate) fn with(cluster: Arc<Cluster>, settings: ProducerSettings) -> Self {
        Self(glmsg_kafka_wire::Producer::new(cluster, settings))
    }

    /// Begins to send at most so many records.
    pub(crate) fn begin(&self, most: usize) -> Sending<'_> {
        let most = u32::try_from(most).unwrap_or(u32::MAX - 1);
        Sending(self.0.call(most))
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
            outcomes[index] = Err(error);
        }
        outcomes
    }

    /// Sends one.
    pub(crate) async fn send_one(&self, record: Record<'_>) -> Result<()> {
        let sent = self.0.send(record).await;
        sent.map_err(|failure| from_failure(&failure))
    }

    /// Waits until everything is reported.
    pub(crate) async fn flush(&self, timeout: Duration) -> Result<()> {
        match self.0.flush(timeout).await {
            true => Ok(()),
            false => Err(from_code(RDKafkaErrorCode::MessageTimedOut, true)),
        }
    }
}

/// A call that sends records.
#[derive(Debug)]
pub(crate) struct Sending<'a>(Call<'a>);

/// What is known of the records of a call.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    /// Which were not stored, or may not have been.
    pub(crate) failed: Vec<(usize, Error)>,
    /// Where the others came to stand, where that is asked for.
    pub(crate) places: Vec<(usize, Place)>,
}

impl Sending<'_> {
    /// Where the records that follow come to stand is to be told.
    pub(crate) fn tell_places(&self) {
        self.0.tell_places();
    }

    /// Puts a record where it is sent from, and waits for room there. What becomes of it is told with
    /// this index.
    pub(crate) async fn put(&mut self, index: usize, record: Record<'_>) -> Result<()> {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let put = self.0.put(index, record).await;
        put.map_err(|failure| from_failure(&failure))
    }

    /// Waits for what becomes of all that was put.
    pub(crate) async fn finish(self) -> Reported {
        let outcome = self.0.finish().await;
        let failed = outcome.failed.into_iter();
        let places = outcome.places.into_iter();
        Reported {
            failed: failed
                .map(|(index, failure)| (index as usize, from_failure(&failure)))
                .collect(),
            places: places
                .map(|(index, place)| (index as usize, place))
                .collect(),
        }
    }
}

/// Why a record was not stored, in glmsg's terms.
fn from_failure(failure: &Failure) -> Error {
    match failure {
        Failure::Refused(code) => from_code(code_of(*code), true),
        Failure::Unsent(error) => error.duplicate(),
        Failure::Unanswered(error) => {
            let text = "it was sent, and what became of it is not known";
            Error::new(ErrorKind::Indeterminate, text)
                .with("detail", error.message())
                .remedy("check that the cluster runs and can be reached, then try again with the same id")
        }
    }
}

/// The client library's word for a code of the cluster.
fn code_of(code: i16) -> RDKafkaErrorCode {
    let known = RDKafkaRespErr::try_from(i32::from(code));
    known.map_or(RDKafkaErrorCode::Unknown, Into::into)
}
