//! F1: the server is killed again and again, workers too, and some messages fail or kill whoever handles them.

use std::time::Duration;

use glmsg_faults::check::Expectation;
use glmsg_faults::process::Killer;
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};

use crate::TRAFFIC;
use crate::length::seconds;

async fn case(kind: Kind, seed: u64, time: Duration) {
    // Everything is on the disk before it is answered.
    let redis = RedisServer::start(kind, RedisSetup::default()).await;
    let scene = Scene::new(&redis.url());
    let ledger = scene.ledger();
    let crew = Crew::hire(3, TRAFFIC, &scene, &Consumption::default());
    let publication = Publication {
        seed,
        mix: Mix::default()
            .with(200, Duty::Fail(1))
            .with(20, Duty::ALWAYS_FAIL)
            .with(4, Duty::Abort)
            .with(4, Duty::Overflow),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    publisher.reaches(10).await;

    let every = Duration::from_millis(3500)..=Duration::from_millis(4500);
    let servers = Killer::start(seed, every, {
        let redis = redis.clone();
        move |_| {
            let (redis, ledger) = (redis.clone(), ledger.clone());
            async move {
                ledger.fault_begin("kill");
                redis.kill9().await;
                redis.restart().await;
                ledger.fault_end("kill");
            }
        }
    });
    let reaper = crew.reaper();
    let every = Duration::from_secs(2)..=Duration::from_secs(4);
    let workers = Killer::start(seed + 100, every, move |round| {
        let reaper = reaper.clone();
        async move { reaper.kill(round).await }
    });
    tokio::time::sleep(time).await;
    servers.reaches(3).await;
    workers.reaches(3).await;
    workers.stop().await;
    let kills = servers.stop().await;
    publisher.stop().await;
    scene.quiet(Duration::from_secs(90)).await;
    crew.dismiss().await;

    let broker = scene.connect().await;
    let most = scene.dead_letters(&broker).await;
    let most = most.iter().map(|letter| letter.attempts).max();
    assert!(most <= Some(4), "a dead letter with {most:?} attempts");
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(1000)
        .faults_at_least(usize::try_from(kills).unwrap_or(usize::MAX))
        .max_attempts(4)
        .publish_gap(Duration::from_secs(5));
    let report = scene.judge(expectation).await;
    println!("{kind:?}, seed {seed}\n{report}");
    report.assert_ok();
    assert!(report.counts.dead > 0, "no message was poison: {report}");
}

#[tokio::test]
async fn redis_7_with_a_first_seed() {
    case(Kind::Redis7, 11, seconds(30)).await;
}
