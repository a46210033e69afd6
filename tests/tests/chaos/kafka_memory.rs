//! A backlog of a gigabyte: who works it off takes no more memory than its configuration says, however slow it begins, and
//! whether it keeps the order of keys or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use glmsg_faults::process::{Launch, Worker};
use glmsg_faults::server::KafkaSet;
use glmsg_tests::backlog::{Outcome, Plan, VARIABLE, message};
use glmsg_tests::traffic::Scene;
use tokio::task::JoinSet;

/// The backlog: so many messages of so many bytes.
const MESSAGES: u64 = 1_000_000;
const SIZE: usize = 1024;
/// How many of them a call publishes.
const BATCH: u64 = 500;
/// How long a process may take for all of it, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);

const MIB: u64 = 1024 * 1024;
/// What the process and its libraries take, whatever it reads.
const BASE: u64 = 48 * MIB;

/// What the page on the Kafka backend says of memory.
fn bound(read_buffer: u64) -> u64 {
    BASE + 6 * read_buffer
}

async fn publish_all(scene: &Scene) {
    let broker = scene.connect().await;
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let (broker, next, topic) = (broker.clone(), next.clone(), scene.topic());
        tasks.spawn(async move {
            loop {
                let first = next.fetch_add(BATCH, SeqCst);
                if first >= MESSAGES {
                    break;
                }
                let batch: Vec<_> = (first..first + BATCH)
                    .map(|number| message(&topic, number, SIZE))
                    .collect();
                let outcomes = broker.publish(&batch).await.expect("a publish");
                assert!(outcomes.iter().all(|one| one.is_stored()), "{outcomes:?}");
            }
        });
    }
    tasks.join_all().await;
}

async fn work_off(scene: &Scene, group: &str, is_ordered: bool) -> Outcome {
    let plan = Plan {
        url: scene.url(),
        topic: scene.topic(),
        group: group.to_owned(),
        is_ordered,
        messages: MESSAGES,
    };
    let log = scene.dir(|dir| dir.join(format!("{group}.log")));
    let text = serde_json::to_string(&plan).expect("a plan can be written");
    let launch = Launch::new(env!("CARGO_BIN_EXE_backlog"))
        .env(VARIABLE, text)
        .log(log);
    let worker = Worker::spawn(group, &launch, &scene.ledger());
    let status = worker.wait(PATIENCE).await;
    let log = worker.log();
    assert!(status.success(), "{group}: {status}\n{log}");
    let last = log.lines().rev().find(|line| line.starts_with('{'));
    serde_json::from_str(last.expect("an outcome")).expect("an outcome")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_takes_no_more_memory_than_is_configured() {
    let kafka = KafkaSet::start(1).await;
    // A publish has more time than by default: many bytes go to one disk.
    let scene = Scene::new(&format!("{}?timeout_ms=60000", kafka.url()));
    let begun = Instant::now();
    publish_all(&scene).await;
    println!(
        "{MESSAGES} messages of {SIZE} bytes are stored after {:?}",
        begun.elapsed()
    );
    let most = bound(16 * MIB);
    for (group, is_ordered) in [("any-order", false), ("order-of-keys", true)] {
        let outcome = work_off(&scene, group, is_ordered).await;
        println!(
            "{group}: {} MiB at most, {} before, of {} allowed; {:.1} s, {} came again",
            outcome.peak / MIB,
            outcome.before / MIB,
            most / MIB,
            outcome.seconds,
            outcome.again,
        );
        assert_eq!(outcome.messages, MESSAGES, "{group}");
        assert!(outcome.peak <= most, "{group}: {outcome:?}, {most} allowed");
    }
}
