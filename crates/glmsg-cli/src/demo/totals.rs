//! The second group: it adds the results up, each once, by the id of its message.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glmsg::{
    BoxSource, Broker, DeadLetterReason, Message, MessageId, Nack, Received, Settler, Source,
    SubscribeOptions, Token,
};
use tokio::task::JoinHandle;

use super::airport::Airport;
use super::emission::Emission;
use super::{Plan, RUN};
use crate::failure::Failure;

/// Results received and acked together.
const BATCH: usize = 500;

/// The sums.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// The results that were added, by message id.
    seen: HashSet<MessageId>,
    /// The flights they are of. A flight twice here was added twice, whatever the ids say.
    flights: HashSet<String>,
    pub(super) duplicates: u64,
    pub(super) distance_miles: u64,
    airports: HashMap<String, Airport>,
}

impl Totals {
    /// Adds a result, unless it was added before.
    fn add(&mut self, id: MessageId, flight: &str, emission: Emission) {
        if !self.seen.insert(id) {
            return;
        }
        if !self.flights.insert(flight.to_owned()) {
            self.duplicates += 1;
        }
        let miles = u64::from(emission.distance_miles);
        self.distance_miles += miles;
        let airport = self
            .airports
            .entry(emission.origin.clone())
            .or_insert_with(|| Airport {
                origin: emission.origin,
                ..Airport::default()
            });
        airport.flights += 1;
        airport.distance_miles += miles;
        airport.kg_co2e += emission.kg_co2e;
    }

    /// How many flights have their result in the sums.
    pub(super) fn flights(&self) -> u64 {
        self.flights.len() as u64
    }

    pub(super) fn airports(self) -> Vec<Airport> {
        self.airports.into_values().collect()
    }
}

/// The group at work.
pub(super) struct Totalling {
    totals: Arc<Mutex<Totals>>,
    work: JoinHandle<Result<(), Failure>>,
}

impl Totalling {
    pub(super) async fn start(broker: &Arc<dyn Broker>, plan: &Plan) -> Result<Self, Failure> {
        let options = SubscribeOptions::new(&plan.names.emissions, &plan.names.totals)?;
        let source = broker.open_source(&options).await?;
        let totals = Arc::new(Mutex::new(Totals::default()));
        let work = tokio::spawn(work(source, totals.clone(), plan.run.clone()));
        Ok(Self { totals, work })
    }

    /// How many flights have their result in the sums.
    pub(super) fn flights(&self) -> Result<u64, Failure> {
        if self.work.is_finished() {
            return Err(Failure::failed("the group that adds up has ended"));
        }
        Ok(lock(&self.totals).flights())
    }

    pub(super) async fn stop(self) -> Result<Totals, Failure> {
        self.work.abort();
        if let Ok(ended) = self.work.await {
            ended?;
        }
        Ok(std::mem::take(&mut *lock(&self.totals)))
    }
}

async fn work(
    mut source: BoxSource,
    totals: Arc<Mutex<Totals>>,
    run: String,
) -> Result<(), Failure> {
    let settler = source.settler();
    let mut batch: Vec<Received> = Vec::new();
    loop {
        batch.clear();
        source.recv(&mut batch, BATCH).await?;
        let mut acks: Vec<Token> = Vec::with_capacity(batch.len());
        let mut nacks = Vec::new();
        for received in &batch {
            match read(&received.message, &run) {
                Ok(None) => acks.push(received.token),
                Ok(Some((flight, emission))) => {
                    lock(&totals).add(received.message.id(), flight, emission);
                    acks.push(received.token);
                }
                Err(e) => nacks.push(Nack::reject(
                    received.token,
                    DeadLetterReason::Undecodable,
                    &e.to_string(),
                )),
            }
        }
        if !acks.is_empty() {
            settler.ack(&acks).await?;
        }
        if !nacks.is_empty() {
            settler.nack(&nacks).await?;
        }
    }
}

/// A result and the flight it is of; nothing for a message of another run.
fn read<'a>(message: &'a Message, run: &str) -> Result<Option<(&'a str, Emission)>, glmsg::Error> {
    if message.header(RUN) != Some(run) {
        return Ok(None);
    }
    let flight = message.correlation_id().unwrap_or_default();
    Ok(Some((flight, message.decode()?)))
}

fn lock(totals: &Mutex<Totals>) -> MutexGuard<'_, Totals> {
    totals.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emission() -> Emission {
        Emission {
            origin: "DTW".to_owned(),
            distance_miles: 10,
            kg_co2e: 4.0,
        }
    }

    #[test]
    fn a_result_that_comes_again_is_added_once() {
        let mut totals = Totals::default();
        let id = MessageId::new();
        totals.add(id, "a", emission());
        totals.add(id, "a", emission());
        assert_eq!(
            (totals.flights(), totals.distance_miles, totals.duplicates),
            (1, 10, 0)
        );
    }

    #[test]
    fn a_flight_that_entered_twice_is_a_duplicate() {
        let mut totals = Totals::default();
        totals.add(MessageId::new(), "a", emission());
        totals.add(MessageId::new(), "a", emission());
        assert_eq!(
            (totals.flights(), totals.distance_miles, totals.duplicates),
            (1, 20, 1)
        );
    }
}
