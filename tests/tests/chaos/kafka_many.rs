//! A thousand subscriptions of one group over a thousand partitions, in four processes: all work, and the partitions stay
//! where they are.

use std::collections::BTreeSet;
use std::time::Duration;

use glmsg_faults::check::{Expectation, Partitions};
use glmsg_faults::ledger::What;
use glmsg_faults::server::KafkaSet;
use glmsg_faults::until;
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};
use tokio::time::Instant;

use crate::TRAFFIC;

const PROCESSES: usize = 4;
const EACH: usize = 250;
const PATIENCE: Duration = Duration::from_secs(360);

/// Which of the consumers have handled something, and how often something came again.
fn at_work(scene: &Scene) -> (BTreeSet<String>, usize) {
    let (mut busy, mut again) = (BTreeSet::new(), 0);
    for event in scene.events() {
        match event.what {
            What::Done { .. } => {
                let (consumer, _) = event.process.rsplit_once('.').expect("consumer.attempt");
                busy.insert(consumer.to_owned());
            }
            What::Recv { attempt, .. } => again += usize::from(attempt > 1),
            _ => {}
        }
    }
    (busy, again)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_subscriptions_over_a_thousand_partitions() {
    let kafka = KafkaSet::start(1).await;
    let url = format!("{}?partitions=1000&timeout_ms=60000", kafka.url());
    let scene = Scene::new(&url);
    let (topic, group) = scene.names();
    let broker = scene.connect().await;
    let begun = Instant::now();
    let config = glmsg_broker::TopicConfig::default();
    broker.create_topic(&topic, &config).await.expect("a topic");
    println!("a topic of 1000 partitions after {:?}", begun.elapsed());
    let consumption = Consumption {
        workers: 1,
        prefetch: 1,
        lease: Duration::from_secs(60),
        consumers: EACH,
        ..Consumption::default()
    };
    let begun = Instant::now();
    let crew = Crew::hire(PROCESSES, TRAFFIC, &scene, &consumption);
    let publication = Publication {
        mix: Mix::default().with(10_000, Duty::Slow(50)),
        tasks: 8,
        batch: 50,
        pause: Duration::from_millis(100),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    until(
        "every subscription has handled a message",
        PATIENCE,
        || async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            at_work(&scene).0.len() == PROCESSES * EACH
        },
    )
    .await;
    println!("all subscriptions work after {:?}", begun.elapsed());
    let (_, before) = at_work(&scene);
    let stored = publisher.answers().stored;
    publisher.reaches(stored + 2_000).await;
    for worker in crew.workers().await {
        let usage = worker.usage();
        let mib = usage.resident_bytes >> 20;
        println!(
            "{}: {mib} MiB, {} threads, {} files",
            worker.name(),
            usage.threads,
            usage.open_files
        );
    }
    let usage = kafka.broker(0).usage();
    println!(
        "broker: {} MiB, {} files",
        usage.resident_bytes >> 20,
        usage.open_files
    );
    publisher.stop().await;
    scene.quiet(PATIENCE).await;
    let (_, after) = at_work(&scene);
    assert_eq!(after, before, "partitions moved while nobody came or went");
    crew.dismiss().await;
    assert_eq!(broker.lag(&topic, &group).await.expect("a lag").total(), 0);
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(3_000)
        .max_attempts(4)
        .partitions(Partitions {
            commit: Duration::from_secs(1),
            rebalance: Duration::from_secs(60),
        });
    let report = scene.judge(expectation).await;
    println!("{report}");
    report.assert_ok();
}
