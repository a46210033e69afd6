//! F1: the server is killed again and again, workers too, and some messages fail or kill whoever handles them.

use std::time::Duration;

use glmsg_faults::check::Expectation;
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};

use crate::TRAFFIC;
use crate::length::seconds;

async fn case(kind: Kind, settings: &str, seed: u64, time: Duration) {
    // Everything is on the disk before it is answered.
    let redis = RedisServer::start(kind, RedisSetup::default()).await;
    let scene = Scene::new(&format!("{}?{settings}", redis.url()));
    let consumption = Consumption {
        // Longer than a server needs to come back, also on a busy machine.
        lease: Duration::from_secs(5),
        ..Consumption::default()
    };
    let crew = Crew::hire(3, TRAFFIC, &scene, &consumption);
    // Some poison there is in any case, and more comes by chance.
    let poison = Publication {
        seed,
        mix: Mix::default()
            .with(5000, Duty::ALWAYS_FAIL)
            .with(2500, Duty::Abort)
            .with(2500, Duty::Overflow),
        messages: Some(8),
        ..Publication::default()
    };
    let poison = Publisher::start(&scene, "poisoner", &poison);
    let publication = Publication {
        seed,
        mix: Mix::default()
            .with(200, Duty::Fail(1))
            .with(20, Duty::ALWAYS_FAIL)
            .with(4, Duty::Abort)
            .with(4, Duty::Overflow),
        pause: Duration::from_millis(60),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    publisher.reaches(10).await;
    assert_eq!(poison.join().await, 8);

    let every = Duration::from_millis(3500)..=Duration::from_millis(4500);
    let servers = scene.kill_server(&redis, seed, every);
    let every = Duration::from_secs(2)..=Duration::from_secs(4);
    let workers = crew.killer(seed + 100, every);
    tokio::time::sleep(time).await;
    servers.reaches(4).await;
    workers.reaches(4).await;
    workers.stop().await;
    let kills = servers.stop().await;
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
        // A server that comes back reads its log first, which grows with the case.
        .publish_gap(seconds(10));
    let report = scene.judge(expectation).await;
    println!("{kind:?} {settings}, seed {seed}\n{report}");
    report.assert_ok();
    assert!(report.counts.dead >= 8, "poison is missing: {report}");
}

#[tokio::test]
async fn redis_7_seed_11() {
    case(Kind::Redis7, "", 11, seconds(30)).await;
}

#[tokio::test]
async fn redis_7_seed_12() {
    case(Kind::Redis7, "", 12, seconds(30)).await;
}

#[tokio::test]
async fn redis_7_seed_13() {
    case(Kind::Redis7, "", 13, seconds(30)).await;
}

#[tokio::test]
async fn redis_8() {
    case(Kind::Redis8, "", 14, seconds(16)).await;
}

#[tokio::test]
async fn valkey_9() {
    case(Kind::Valkey9, "", 15, seconds(16)).await;
}

#[tokio::test]
async fn frames() {
    case(Kind::Redis7, "frames=8", 16, seconds(16)).await;
}
