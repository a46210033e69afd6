//! F25: somebody else writes into the topic: bytes that are no message, entries of another form. Each becomes one dead
//! letter that keeps the bytes, and everybody goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use glmsg::{DeadLetterReason, Message, Original, wire};
use glmsg_faults::check::Expectation;

use glmsg_tests::traffic::{Consumption, Crew, Publication, Publisher, Scene};

use crate::{TRAFFIC, lasting};

/// How many strange entries there are, besides a few.
const ENTRIES: u64 = 180;

/// What is to become of an entry that was put into the topic.
#[derive(Debug, Default)]
struct Expected {
    /// Dead letters of no message, by their bytes.
    undecodable: BTreeMap<Vec<u8>, usize>,
    /// Messages whose provenance does not verify.
    damaged: usize,
    /// Messages in which what was damaged is not vouched for.
    good: usize,
}

/// Draws bytes that are no message, or not the one that was made.
fn draw(rng: &mut fastrand::Rng) -> Vec<u8> {
    let message = Message::new("orders", "\"Done\"").expect("a message");
    let mut bytes = wire::encode(&message).to_vec();
    match rng.u8(..6) {
        0 => (0..rng.usize(..300)).map(|_| rng.u8(..)).collect(),
        1 => {
            bytes.truncate(rng.usize(..bytes.len()));
            bytes
        }
        2 => {
            let at = rng.usize(..bytes.len());
            bytes[at] ^= 1 << rng.u8(..8);
            bytes
        }
        3 => {
            bytes.extend((0..rng.usize(1..20)).map(|_| rng.u8(..)));
            bytes
        }
        4 => {
            // The beginning of a message, and then anything.
            let keep = rng.usize(..bytes.len().min(12));
            bytes[keep..].fill_with(|| rng.u8(..));
            bytes
        }
        _ => Vec::new(),
    }
}

async fn case(seed: u64, ordered: bool) {
    let redis = lasting::redis().await;
    let scene = Scene::new(&redis.url());
    let ledger = scene.ledger();
    let consumption = Consumption {
        ordered,
        ..Consumption::default()
    };
    let crew = Crew::hire(2, TRAFFIC, &scene, &consumption);
    let publication = Publication {
        seed,
        pause: Duration::from_millis(150),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    publisher.reaches(100).await;

    ledger.fault_begin("strange entries");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut expected = Expected::default();
    let lane = |lane: u8| format!("glmsg:{{glmsg/{}}}:lane{lane}", scene.topic());
    let good = wire::encode(&Message::new("orders", "\"Done\"").expect("a message"));
    for n in 0..ENTRIES {
        if n % 60 == 20 {
            // Less often than a message may be tried. One that dies with such bytes in its hands leaves them to another.
            crew.kill(n / 60).await;
        }
        let key = lane(rng.u8(..4));
        let bytes = draw(&mut rng);
        let (add, none): (_, &[u8]) = (["XADD", key.as_str(), "*"], b"");
        let foreign: Option<Vec<&[u8]>> = match n {
            // Another program's entries.
            50 => Some(vec![b"name", b"Alice", b"age", b"44"]),
            51 => Some(vec![none, none]),
            52 => Some(vec![b"D", &good]),
            53 => Some(vec![b"x", b"17"]),
            _ => None,
        };
        let mut command: Vec<&[u8]> = add.iter().map(|word| word.as_bytes()).collect();
        match &foreign {
            Some(fields) => {
                command.extend(fields);
                *expected.undecodable.entry(Vec::new()).or_default() += 1;
            }
            None => {
                command.extend([b"d".as_slice(), bytes.as_slice()]);
                match wire::decode(&bytes.clone().into(), usize::MAX) {
                    Err(_) => *expected.undecodable.entry(bytes.clone()).or_default() += 1,
                    Ok(message) if message.verify().is_err() => expected.damaged += 1,
                    Ok(_) => expected.good += 1,
                }
            }
        }
        redis.command(&command).await;
    }
    // A time that is none, of a message that is good otherwise.
    for (at, time) in ["soon", "", "1e999", "-1", "0x10"].into_iter().enumerate() {
        let message = Message::new("orders", "\"Done\"").expect("a message");
        let body = wire::encode(&message);
        let key = lane(u8::try_from(at % 4).expect("a lane"));
        let command: [&[u8]; 7] = [
            b"XADD",
            key.as_bytes(),
            b"*",
            b"x",
            time.as_bytes(),
            b"d",
            &body,
        ];
        redis.command(&command).await;
    }
    let stored = publisher.answers().stored;
    publisher.reaches(stored + 100).await;
    publisher.stop().await;
    scene.quiet(Duration::from_secs(60)).await;
    ledger.fault_end("strange entries");
    crew.dismiss().await;

    let broker = scene.connect().await;
    let mut found = Expected::default();
    for letter in scene.dead_letters(&broker).await {
        match (&letter.reason, &letter.original) {
            (DeadLetterReason::Undecodable, Original::Bytes(bytes)) => {
                assert!(!letter.detail.is_empty(), "{letter:?}");
                *found.undecodable.entry(bytes.to_vec()).or_default() += 1;
            }
            (DeadLetterReason::BadProvenance, Original::Message(_)) => found.damaged += 1,
            // By a time that is one after all.
            (DeadLetterReason::Expired, Original::Message(_)) => {}
            _ => panic!("a dead letter for another reason: {letter:?}"),
        }
    }
    assert_eq!(found.undecodable, expected.undecodable);
    assert_eq!(found.damaged, expected.damaged);
    assert!(expected.damaged > 0, "{expected:?}");
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(200)
        .faults_at_least(1)
        .strangers(200)
        .max_attempts(4);
    let report = scene.judge(expectation).await;
    println!("{report}");
    report.assert_ok();
}

#[tokio::test]
async fn bytes_that_are_no_message_are_set_aside() {
    case(31, false).await;
}

#[tokio::test]
async fn also_where_the_order_of_keys_is_kept() {
    case(32, true).await;
}
