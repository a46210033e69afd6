//! Many callers, two brokers, and whatever goes wrong at random.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::script::{Act, Inner, Say, Script, Sent};
use super::{LONG, Place, Producer, ProducerSettings, SHORT, record, soon, within};
use crate::{Compression, Failure};

const CALLERS: u32 = 6;
const CALLS: u32 = 12;
const PARTITIONS: i32 = 3;

/// What is done with a request, by chance.
fn chance(random: &mut fastrand::Rng, inner: &mut Inner, sent: &[Sent], is_mild: bool) -> Act {
    let stores = random.bool();
    match random.u8(..100) {
        0..8 => Act::HangUp { stores },
        8..10 if !is_mild => Act::KeepSilent { stores },
        10..18 => {
            // Another one leads all of it.
            for sent in sent {
                let leader = &mut inner.leaders[usize::try_from(sent.partition).unwrap()];
                *leader = 1 - sent.node;
            }
            Act::Store
        }
        18..50 => {
            let says = sent.iter().filter_map(|sent| {
                let say = match random.u8(..12) {
                    0..3 => Say::Code(random.choice([3, 5, 6, 7, 13, 19, 20, 56, 74]).unwrap()),
                    3..5 => Say::CodeButStore(random.choice([7, 13, 20, 56]).unwrap()),
                    5..7 => Say::Nothing { stores },
                    7 if !is_mild => Say::Code(random.choice([45, 47, 59]).unwrap()),
                    8 if !is_mild => Say::Code(random.choice([29, 87, 89]).unwrap()),
                    9 if !is_mild => Say::Code(10),
                    _ => return None,
                };
                Some((sent.partition, say))
            });
            Act::With(says.collect())
        }
        _ => Act::Store,
    }
}

/// What each value was told.
type Told = HashMap<String, Result<Place, Failure>>;

async fn storm(seed: u64, settings: ProducerSettings, is_mild: bool) -> (Script, Told) {
    let script = Script::new(2, &[0, 1, 0]).await;
    let mut random = fastrand::Rng::with_seed(seed);
    script
        .world
        .rule(move |inner, sent| chance(&mut random, inner, sent, is_mild));
    let producer = Arc::new(Producer::new(script.cluster(), settings));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let producer = Arc::clone(&producer);
        let mut random = fastrand::Rng::with_seed(seed + u64::from(caller));
        callers.spawn(async move {
            let mut told = Told::new();
            for n in 0..CALLS {
                let count = random.u32(1..6);
                let values = (0..count).map(|k| format!("{caller}-{:05}", n * 10 + k));
                let values: Vec<String> = values.collect();
                let mut call = producer.call(count);
                call.tell_places();
                for (index, value) in (0..).zip(&values) {
                    let partition = random.i32(0..PARTITIONS);
                    if let Err(failure) = call.put(index, record(partition, value)).await {
                        told.insert(value.clone(), Err(failure));
                    }
                }
                let outcome = call.finish().await;
                let failed = outcome.failed.into_iter();
                let failed = failed.map(|(index, failure)| (index, Err(failure)));
                let placed = outcome.places.into_iter();
                for (index, what) in failed.chain(placed.map(|(index, place)| (index, Ok(place)))) {
                    let value = values[index as usize].clone();
                    assert!(told.insert(value, what).is_none(), "told twice");
                }
                assert!(values.iter().all(|value| told.contains_key(value)));
            }
            told
        });
    }
    let told = soon(callers.join_all()).await;
    assert!(soon(producer.flush(LONG)).await);
    (script, told.into_iter().flatten().collect())
}

/// Looks whether what was told is so. Returns how many are stored, by what was told.
fn check(script: &Script, told: &Told) -> usize {
    let mut stored: HashMap<String, Vec<(i32, i64)>> = HashMap::new();
    for partition in 0..PARTITIONS {
        let mut last: HashMap<char, String> = HashMap::new();
        for (offset, value) in (0..).zip(script.world.stored(partition)) {
            let caller = value.chars().next().unwrap();
            if let Some(before) = last.insert(caller, value.clone()) {
                assert!(before < value, "{before} stands before {value}");
            }
            stored.entry(value).or_default().push((partition, offset));
        }
    }
    let mut good = 0;
    for (value, told) in told {
        let places = stored.remove(value).unwrap_or_default();
        match told {
            Ok(place) => {
                assert_eq!(places, [(place.partition, place.offset)], "{value}");
                good += 1;
            }
            Err(Failure::Unanswered(_)) => assert!(places.len() <= 1, "{value}: {places:?}"),
            Err(failure) => assert!(places.is_empty(), "{value}: {failure:?}, and {places:?}"),
        }
    }
    assert!(stored.is_empty(), "nobody was told of {stored:?}");
    good
}

#[tokio::test]
async fn what_passes_costs_nothing() {
    for seed in 0..3 {
        let settings = ProducerSettings {
            batch: 400,
            ..within(LONG)
        };
        let (script, told) = storm(seed, settings, true).await;
        assert_eq!(check(&script, &told), told.len(), "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_is_told() {
    for seed in 10..13 {
        let settings = ProducerSettings {
            batch: 400,
            queue: 2_000,
            compression: Compression::Lz4,
            ..within(SHORT)
        };
        let (script, told) = storm(seed, settings, false).await;
        assert!(check(&script, &told) > 0, "seed {seed}");
    }
}

#[tokio::test]
async fn what_is_sent_once_is_stored_at_most_once() {
    for seed in 20..23 {
        let settings = ProducerSettings {
            sends_again: false,
            batch: 400,
            ..within(Duration::from_secs(1))
        };
        let (script, told) = storm(seed, settings, false).await;
        assert!(check(&script, &told) > 0, "seed {seed}");
    }
}
