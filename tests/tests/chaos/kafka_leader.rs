//! F16: of three brokers one is killed after the other, and then two. With two copies that must have a message nothing
//! acknowledged is lost; with one broker left a publish fails and does not hang; and all goes on when they are back.

use std::time::Duration;

use glmsg_broker::Published;
use glmsg_core::{ErrorKind, Message};
use glmsg_faults::check::{Expectation, Partitions};
use glmsg_faults::server::KafkaSet;
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};
use tokio::time::Instant;

use crate::{TRAFFIC, seeds};

/// A publish has five seconds by default, and may find out first that its topic has no leader.
const ANSWER: Duration = Duration::from_secs(20);

async fn case(settings: &str, seed: u64) {
    let kafka = KafkaSet::start(3).await;
    let url = format!("{}?session_timeout_ms=6000{settings}", kafka.url());
    let scene = Scene::new(&url);
    let ledger = scene.ledger();
    let consumption = Consumption {
        lease: Duration::from_secs(30),
        ..Consumption::default()
    };
    let crew = Crew::hire(2, TRAFFIC, &scene, &consumption);
    let publication = Publication {
        seed,
        mix: Mix::default()
            .with(200, Duty::Fail(1))
            .with(10, Duty::ALWAYS_FAIL),
        pause: Duration::from_millis(200),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    publisher.reaches(100).await;
    let goes_on = async |messages: u64| {
        let stored = publisher.answers().stored;
        publisher.reaches(stored + messages).await;
    };
    // Each leads some partitions, and one of them the controllers.
    for index in 0..3 {
        ledger.fault_begin("broker killed");
        kafka.broker(index).kill9().await;
        goes_on(100).await;
        kafka.broker(index).restart().await;
        kafka.is_whole().await;
        ledger.fault_end("broker killed");
        goes_on(50).await;
    }
    let broker = scene.connect().await;
    ledger.fault_begin("two brokers killed");
    kafka.broker(0).kill9().await;
    kafka.broker(1).kill9().await;
    let message = Message::new(scene.topic(), "\"Done\"").expect("a valid message");
    let pen = scene.writer("one alone");
    pen.pub_try(&message.id().to_string());
    let begun = Instant::now();
    let outcome = tokio::time::timeout(ANSWER, broker.publish(std::slice::from_ref(&message)));
    let outcome = outcome.await.expect("a publish does not hang");
    let told = match outcome {
        Ok(mut outcomes) => match outcomes.remove(0) {
            Published::Indeterminate(error) | Published::Full(error) => error,
            other => panic!("one of three has it: {other:?}"),
        },
        Err(error) => error,
    };
    pen.pub_indeterminate(&message.id().to_string());
    println!("with one of three: {told}, after {:?}", begun.elapsed());
    let kinds = [
        ErrorKind::Unavailable,
        ErrorKind::Timeout,
        ErrorKind::Indeterminate,
    ];
    assert!(kinds.contains(&told.kind()), "{told}");
    assert!(told.is_transient(), "{told}");
    tokio::join!(kafka.broker(0).restart(), kafka.broker(1).restart());
    kafka.is_whole().await;
    goes_on(200).await;
    ledger.fault_end("two brokers killed");
    let answers = publisher.answers();
    publisher.stop().await;
    scene.quiet(Duration::from_secs(180)).await;
    let logs = crew.dismiss().await;

    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(500)
        .faults_at_least(4)
        .max_attempts(4)
        .partitions(Partitions {
            commit: Duration::from_secs(1),
            rebalance: Duration::from_secs(15),
        })
        .duplicate_stores(usize::try_from(answers.indeterminate + 1).unwrap_or(usize::MAX))
        .publish_gap(Duration::from_secs(300));
    let expectation = logs
        .into_iter()
        .fold(expectation, |expectation, (name, log)| {
            expectation.log(&name, log)
        });
    let report = scene.judge(expectation).await;
    println!("{settings}, seed {seed}, {answers:?}\n{report}");
    report.assert_ok();
}

seeds!(f16_classic, |seed| case("", seed));
