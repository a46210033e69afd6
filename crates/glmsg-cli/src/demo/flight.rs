//! The flights: 20 000 real ones of 2001, US Department of Transportation, public domain.

use bytes::Bytes;
use glmsg::{Message, MessageId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Plan, RUN};
use crate::derived_id::derived_id;
use crate::failure::Failure;

/// How many there are.
pub(super) const COUNT: u64 = 20_000;

static DATA: &[u8] = include_bytes!("../../data/flights-20k.json");

/// Of a hundred flights, how many an agent fails at the first time.
const FAILING_PERCENT: u16 = 2;

/// What an agent needs to know of a flight.
#[derive(Debug, Deserialize)]
pub(super) struct Flight {
    /// In miles.
    pub(super) distance: u32,
    /// The airport it leaves from.
    pub(super) origin: String,
}

/// The rows of the file, each as it stands there.
pub(super) fn rows() -> Result<Vec<&'static RawValue>, Failure> {
    serde_json::from_slice(DATA)
        .map_err(|e| Failure::failed(format!("the built-in flights are damaged: {e}")))
}

/// The message of a row. Its id follows from the run and the row, so publishing it again stores
/// nothing twice.
pub(super) fn message(
    plan: &Plan,
    number: u64,
    row: &'static RawValue,
) -> Result<Message, Failure> {
    let text = row.get();
    let flight: Flight = serde_json::from_str(text)
        .map_err(|e| Failure::failed(format!("the built-in flight {number} is damaged: {e}")))?;
    let message = Message::builder(&plan.names.flights)
        .id(derived_id(&[
            b"flight",
            plan.run.as_bytes(),
            &number.to_be_bytes(),
        ]))
        .payload(Bytes::from_static(text.as_bytes()))
        .content_type(glmsg::ContentType::JSON)
        .key(flight.origin)
        .header(RUN, &plan.run)
        .build()?;
    Ok(message)
}

/// Whether the first attempt at this flight fails: chance, but the same for every agent.
pub(super) fn fails_first(id: MessageId) -> bool {
    let bytes = id.as_bytes();
    u16::from_be_bytes([bytes[14], bytes[15]]) % 100 < FAILING_PERCENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_the_ledger_is_checked_against() {
        let rows = rows().unwrap();
        assert_eq!(rows.len() as u64, COUNT);
        let miles: u64 = rows
            .iter()
            .map(|row| serde_json::from_str::<Flight>(row.get()).unwrap())
            .map(|flight| u64::from(flight.distance))
            .sum();
        assert_eq!(miles, 14_476_934);
    }

    #[test]
    fn two_of_a_hundred_flights_fail_first() {
        let plan = Plan::new(1.0).unwrap();
        let rows = rows().unwrap();
        let failing = (0..COUNT)
            .zip(&rows)
            .filter(|(n, row)| fails_first(message(&plan, *n, row).unwrap().id()))
            .count();
        assert!((250..=550).contains(&failing), "{failing}");
    }
}
