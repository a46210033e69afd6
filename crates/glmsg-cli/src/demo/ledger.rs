//! What became of every message.

use super::airport::{Airport, largest};
use super::event::Event;
use super::totals::Totals;

/// How many airports are shown.
const SHOWN: usize = 10;

/// The books of one run. Every figure is counted where the thing happens, none is derived from
/// what ought to be.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) broker: &'static str,
    pub(crate) factor: f64,
    pub(crate) frames: bool,
    /// Flights the broker reported as stored; known when all are published.
    pub(crate) published: Option<u64>,
    /// Flights whose result is in the totals.
    pub(crate) processed: u64,
    /// Flights delivered again after an attempt that failed.
    pub(crate) retried: u64,
    /// Flights delivered again after their lease ran out.
    pub(crate) redelivered: u64,
    pub(crate) dead_lettered: u64,
    /// Results that entered the totals twice.
    pub(crate) duplicates: u64,
    pub(crate) distance_miles: u64,
    pub(crate) seconds: f64,
    /// From a flight's publish to its result being stored, in microseconds, sorted at the end.
    latencies: Vec<u64>,
    pub(crate) airports: Vec<Airport>,
}

impl Ledger {
    pub(super) fn new(broker: &'static str, factor: f64) -> Self {
        Self {
            broker,
            factor,
            frames: false,
            published: None,
            processed: 0,
            retried: 0,
            redelivered: 0,
            dead_lettered: 0,
            duplicates: 0,
            distance_miles: 0,
            seconds: 0.0,
            latencies: Vec::new(),
            airports: Vec::new(),
        }
    }

    pub(super) fn count(&mut self, event: Event) {
        match event {
            Event::Retried => self.retried += 1,
            Event::Redelivered => self.redelivered += 1,
            Event::Handled(micros) => self.latencies.push(micros),
            Event::Ready | Event::Stalled => {}
        }
    }

    /// Whether the agents have handled about as many flights as there are, so that what is missing
    /// may be among the dead letters.
    pub(super) fn is_near(&self, processed: u64) -> bool {
        self.published
            .is_some_and(|all| all - all.min(processed) < 100)
    }

    pub(super) fn take(&mut self, totals: Totals) {
        self.processed = totals.flights();
        self.duplicates = totals.duplicates;
        self.distance_miles = totals.distance_miles;
        self.airports = largest(totals.airports(), SHOWN);
        self.latencies.sort_unstable();
    }

    pub(crate) fn published(&self) -> u64 {
        self.published.unwrap_or(0)
    }

    /// Flights that were stored and have neither a result nor a dead letter.
    pub(crate) fn lost(&self) -> u64 {
        let found = self.processed + self.dead_lettered;
        self.published().saturating_sub(found)
    }

    #[allow(clippy::cast_precision_loss, reason = "a rate of a demo")]
    pub(crate) fn per_second(&self) -> f64 {
        self.processed as f64 / self.seconds.max(1e-9)
    }

    /// The latency that this part of the flights, in thousandths, did not exceed, in milliseconds.
    #[allow(clippy::cast_precision_loss, reason = "a latency is far below 2^52 us")]
    pub(crate) fn latency_ms(&self, thousandths: usize) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (self.latencies.len() * thousandths)
            .div_ceil(1000)
            .saturating_sub(1);
        let micros = self.latencies.get(at.min(last)).copied().unwrap_or(0);
        micros as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_neither_result_nor_dead_letter_is_lost() {
        let mut ledger = Ledger::new("memory", 1.0);
        ledger.published = Some(10);
        ledger.processed = 7;
        ledger.dead_lettered = 1;
        assert_eq!(ledger.lost(), 2);
    }

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let mut ledger = Ledger::new("memory", 1.0);
        assert!(ledger.latency_ms(500).abs() < 1e-9);
        for millis in (1..=100).rev() {
            ledger.count(Event::Handled(millis * 1000));
        }
        ledger.take(Totals::default());
        for (thousandths, millis) in [(500, 50.0), (950, 95.0), (990, 99.0), (1000, 100.0)] {
            assert!((ledger.latency_ms(thousandths) - millis).abs() < 1e-9);
        }
    }
}
