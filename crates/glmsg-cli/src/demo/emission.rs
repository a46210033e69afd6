//! What an agent makes of a flight.

use glmsg::{Message, MessageId};
use serde::{Deserialize, Serialize};

use super::flight::Flight;
use super::{Plan, RUN};
use crate::derived_id::derived_id;

const KM_PER_MILE: f64 = 1.609_344;

/// The CO₂ of one flight, for one passenger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Emission {
    pub(super) origin: String,
    pub(super) distance_miles: u32,
    pub(super) kg_co2e: f64,
}

impl Emission {
    pub(super) fn of(flight: Flight, factor: f64) -> Self {
        Self {
            kg_co2e: f64::from(flight.distance) * KM_PER_MILE * factor,
            distance_miles: flight.distance,
            origin: flight.origin,
        }
    }

    /// Its message. The id follows from the flight's: an agent that computes a flight a second
    /// time, because the first died before its ack, publishes the same message again, and the
    /// broker stores it once.
    pub(super) fn message(&self, plan: &Plan, flight: MessageId) -> glmsg::Result<Message> {
        Message::builder(&plan.names.emissions)
            .id(derived_id(&[b"emission", flight.as_bytes()]))
            .json(self)
            .key(self.origin.as_str())
            .correlation_id(flight.to_string())
            .header(RUN, &plan.run)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flight_of_a_thousand_miles_at_the_default_factor() {
        let flight = Flight {
            distance: 1000,
            origin: "DTW".to_owned(),
        };
        let emission = Emission::of(flight, super::super::FACTOR);
        assert!((emission.kg_co2e - 438.66).abs() < 0.01, "{emission:?}");
    }

    #[test]
    fn the_same_flight_gives_the_same_id() {
        let plan = Plan::new(1.0).unwrap();
        let emission = Emission {
            origin: "DTW".to_owned(),
            distance_miles: 1,
            kg_co2e: 1.6,
        };
        let flight = MessageId::new();
        let first = emission.message(&plan, flight).unwrap();
        assert_eq!(first.id(), emission.message(&plan, flight).unwrap().id());
        assert_ne!(
            first.id(),
            emission.message(&plan, MessageId::new()).unwrap().id()
        );
    }
}
