//! A producer and brokers that do what a test has them do; and brokers that run.

mod answers;
mod codes;
mod lanes;
mod live;
mod lost;
mod moved;
mod once;
mod queue;
mod runtimes;
mod script;
mod sequence;
mod split;
mod storm;
mod time;

use std::time::Duration;

use self::script::{Script, TOPIC};
use super::{Failure, NewRecord, Outcome, Place, Producer, ProducerSettings};

/// A time that is never needed.
const LONG: Duration = Duration::from_secs(30);
/// The time of a record that is to be over soon.
const SHORT: Duration = Duration::from_millis(150);

fn record(partition: i32, value: &str) -> NewRecord<'_> {
    NewRecord {
        topic: TOPIC,
        partition: Some(partition),
        key: None,
        value: Some(value.as_bytes()),
        headers: None,
    }
}

/// Settings by which a record has so much time.
fn within(timeout: Duration) -> ProducerSettings {
    ProducerSettings {
        timeout,
        ..ProducerSettings::default()
    }
}

/// A broker that leads the one partition, and a producer.
async fn one() -> (Script, Producer) {
    with(within(LONG)).await
}

async fn with(settings: ProducerSettings) -> (Script, Producer) {
    let script = Script::new(1, &[0]).await;
    let producer = Producer::new(script.cluster(), settings);
    (script, producer)
}

/// What comes of something, which does not hang.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(LONG, Box::pin(what)).await;
    done.expect("it hangs")
}

/// Sends a record to the partition 0.
async fn send(producer: &Producer, value: &str) -> Result<(), Failure> {
    soon(producer.send(record(0, value))).await
}

/// Sends values to the partition 0 in one call, and tells where they came to stand.
async fn send_all(producer: &Producer, values: &[&str]) -> Outcome {
    let mut call = producer.call(u32::try_from(values.len()).unwrap());
    call.tell_places();
    for (index, value) in (0..).zip(values) {
        soon(call.put(index, record(0, value))).await.unwrap();
    }
    soon(call.finish()).await
}

/// The offsets of what was told, all of which is stored.
fn offsets(outcome: &Outcome) -> Vec<i64> {
    assert!(outcome.failed.is_empty(), "{outcome:?}");
    let mut places = outcome.places.clone();
    places.sort_unstable_by_key(|(index, _)| *index);
    places.iter().map(|(_, place)| place.offset).collect()
}

/// The code that a record was refused with.
fn refused(result: Result<(), Failure>) -> i16 {
    match result {
        Err(Failure::Refused(code)) => code,
        other => panic!("it is not refused: {other:?}"),
    }
}

/// Whether it was told that nobody knows.
fn is_unanswered(result: &Result<(), Failure>) -> bool {
    matches!(result, Err(Failure::Unanswered(_)))
}
