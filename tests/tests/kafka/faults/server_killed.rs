//! F15: the only broker is killed again and again, workers too, and some messages fail or kill whoever handles them.

use std::time::Duration;

use glmsg_faults::check::Expectation;
use glmsg_faults::server::KafkaSet;
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};

use super::{PARTITIONS, TRAFFIC};

async fn case(settings: &str, seed: u64) {
    let kafka = KafkaSet::start(1).await;
    let url = format!("{}?session_timeout_ms=6000{settings}", kafka.url());
    let scene = Scene::new(&url);
    let consumption = Consumption {
        // Longer than a broker needs to come back, also on a busy machine.
        lease: Duration::from_secs(15),
        ..Consumption::default()
    };
    let crew = Crew::hire(3, TRAFFIC, &scene, &consumption);
    // Some poison there is in any case, and more comes by chance. One that kills takes its process's partitions along,
    // which others get when the session is over.
    let poison = Publication {
        seed,
        mix: Mix::default()
            .with(7500, Duty::ALWAYS_FAIL)
            .with(2500, Duty::Abort),
        messages: Some(8),
        ..Publication::default()
    };
    let poison = Publisher::start(&scene, "poisoner", &poison);
    let publication = Publication {
        seed,
        mix: Mix::default()
            .with(200, Duty::Fail(1))
            .with(20, Duty::ALWAYS_FAIL),
        pause: Duration::from_millis(200),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    publisher.reaches(10).await;
    assert_eq!(poison.join().await, 8);

    let every = Duration::from_secs(3)..=Duration::from_secs(5);
    let servers = scene.kill_server(kafka.broker(0), seed, every);
    let every = Duration::from_secs(5)..=Duration::from_secs(8);
    let workers = crew.killer(seed + 100, every);
    servers.reaches(4).await;
    workers.reaches(3).await;
    workers.stop().await;
    let kills = servers.stop().await;
    let answers = publisher.answers();
    publisher.stop().await;
    scene.quiet(Duration::from_secs(180)).await;
    crew.dismiss().await;

    let broker = scene.connect().await;
    let letters = scene.dead_letters(&broker).await;
    let most = letters.iter().map(|letter| letter.attempts).max();
    assert_eq!(most, Some(4), "a dead letter with {most:?} attempts");
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(300)
        .faults_at_least(usize::try_from(kills).unwrap_or(usize::MAX))
        .max_attempts(4)
        .partitions(PARTITIONS)
        // One of which nobody knew whether it was stored was sent again, and Kafka knows no ids.
        .duplicate_stores(usize::try_from(answers.indeterminate).unwrap_or(usize::MAX))
        .publish_gap(Duration::from_secs(60));
    let report = scene.judge(expectation).await;
    println!("{settings}, seed {seed}, {answers:?}\n{report}");
    report.assert_ok();
    assert!(report.counts.dead >= 8, "poison is missing: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn classic() {
    case("", 11).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consumer() {
    case("&group_protocol=consumer", 12).await;
}
