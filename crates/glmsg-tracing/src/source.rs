//! Receiving and settling through the layer.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{
    BoxSettler, BoxSource, Intake, Nack, Received, Settled, Settler, Source, Token,
};
use glmsg_core::{GroupName, Result, TopicName};
use tracing::{Instrument, Level, Span};

use crate::span::{self, MESSAGES};

/// Whose deliveries these are.
#[derive(Debug)]
struct Place {
    topic: TopicName,
    group: GroupName,
}

#[derive(Debug)]
pub(crate) struct TracedSource {
    inner: BoxSource,
    place: Arc<Place>,
    log_messages: bool,
}

impl TracedSource {
    pub(crate) fn new(
        inner: BoxSource,
        topic: TopicName,
        group: GroupName,
        log_messages: bool,
    ) -> Self {
        Self {
            inner,
            place: Arc::new(Place { topic, group }),
            log_messages,
        }
    }

    fn log(&self, received: &[Received]) {
        if !tracing::enabled!(target: MESSAGES, Level::INFO) {
            return;
        }
        let Place { topic, group } = &*self.place;
        for Received {
            message, attempt, ..
        } in received
        {
            let (id, bytes) = (message.id(), message.payload().len());
            tracing::info!(target: MESSAGES, %topic, %group, %id, attempt, bytes, "received");
        }
    }
}

impl Source for TracedSource {
    type Settler = TracedSettler;

    fn settler(&self) -> TracedSettler {
        TracedSettler {
            inner: self.inner.settler(),
            place: self.place.clone(),
        }
    }

    async fn recv(&mut self, buf: &mut Vec<Received>, max: usize) -> Result<Intake> {
        let before = buf.len();
        let intake = self.inner.recv(buf, max).await?;
        let received = &buf[before..];
        let Place { topic, group } = &*self.place;
        if !received.is_empty() {
            // Made when there is something: an idle consumer would be one endless span otherwise.
            drop(span::receive(
                topic,
                group,
                received.iter().map(|r| &r.message),
            ));
            if self.log_messages {
                self.log(received);
            }
        }
        let Intake {
            expired,
            dead_lettered,
            undecodable,
        } = intake;
        if expired + dead_lettered > 0 {
            tracing::warn!(target: span::SETTLE, %topic, %group, expired, dead_lettered, undecodable, "dead letters found while receiving");
        }
        Ok(intake)
    }
}

#[derive(Debug)]
pub(crate) struct TracedSettler {
    inner: BoxSettler,
    place: Arc<Place>,
}

impl Settler for TracedSettler {
    async fn ack(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        let span = span::ack(&self.place.topic, &self.place.group, tokens.len());
        let settled = self.inner.ack(tokens).instrument(span.clone()).await;
        settled.inspect_err(|error| span::fail(&span, error))
    }

    async fn nack(&self, nacks: &[Nack]) -> Result<Vec<Settled>> {
        // A consumer's attempts tell of theirs, and settle outside of any span.
        if Span::current().is_none() {
            return self.inner.nack(nacks).await;
        }
        let span = span::nack(&self.place.topic, &self.place.group, nacks.len());
        let settled = self.inner.nack(nacks).instrument(span.clone()).await;
        match &settled {
            Ok(settled) => {
                let count =
                    |is: fn(&Settled) -> bool| settled.iter().filter(|s| is(s)).count() as u64;
                span.record("glmsg.retried", count(|s| matches!(s, Settled::Retried(_))));
                let dead = count(|s| matches!(s, Settled::DeadLettered(_)));
                span.record("glmsg.dead_lettered", dead);
            }
            Err(error) => span::fail(&span, error),
        }
        settled
    }

    async fn release(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.inner.release(tokens).await
    }

    async fn extend(&self, tokens: &[Token], lease: Duration) -> Result<Vec<Settled>> {
        self.inner.extend(tokens, lease).await
    }
}
