//! F9, F10 and F11: the server's memory has a bound, and it is reached; or the server would throw messages away.

use std::time::Duration;

use glmsg::ErrorKind;
use glmsg_faults::check::Expectation;
use glmsg_faults::server::{Kind, RedisServer};
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};

use crate::info::number;
use crate::{TRAFFIC, lasting};

/// Gives the server so many bytes more than it uses now.
async fn bound(redis: &RedisServer, more: i64) {
    let used = number(redis, "memory", "used_memory").await;
    let most = (used + more).to_string();
    redis.command(&["CONFIG", "SET", "maxmemory", &most]).await;
}

#[tokio::test]
async fn a_full_server_takes_no_more_and_consumers_go_on() {
    let redis = lasting::redis().await;
    let scene = Scene::new(&redis.url());
    let ledger = scene.ledger();
    let crew = Crew::hire(2, TRAFFIC, &scene, &Consumption::default());
    // More comes than can be handled; some of it comes again, and some ends as dead letters.
    let publication = Publication {
        mix: Mix::default()
            .with(200, Duty::ALWAYS_FAIL)
            .with(500, Duty::Fail(1))
            .with(9300, Duty::Slow(20)),
        payload: 4000,
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    publisher.reaches(100).await;

    ledger.fault_begin("full");
    bound(&redis, 4 << 20).await;
    publisher
        .answered("the server is full", |answers| answers.full > 0)
        .await;
    // A consumer that joins now must be able to.
    let killer = crew.killer(1, Duration::ZERO..=Duration::from_millis(100));
    killer.reaches(2).await;
    killer.stop().await;
    // While it is full, room that consumers make is used at once.
    let stored = publisher.answers().stored;
    publisher.reaches(stored + 500).await;
    let full = publisher.answers().full;
    publisher
        .answered("the server is full again", |answers| answers.full > full)
        .await;
    let stored = publisher.stop().await;
    scene.quiet(Duration::from_secs(90)).await;
    ledger.fault_end("full");
    crew.dismiss().await;

    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(500)
        .faults_at_least(1)
        .max_attempts(4);
    let report = scene.judge(expectation).await;
    println!("{stored} stored\n{report}");
    report.assert_ok();
    assert!(report.counts.full > 0 && report.counts.dead > 0, "{report}");
    assert_eq!(report.counts.indeterminate, 0, "{report}");
}

#[tokio::test]
async fn a_bound_that_is_set_at_run_time_and_lifted_again() {
    let redis = lasting::redis().await;
    let scene = Scene::new(&redis.url());
    let ledger = scene.ledger();
    let crew = Crew::hire(2, TRAFFIC, &scene, &Consumption::default());
    let publisher = Publisher::start(&scene, "publisher", &Publication::default());
    publisher.reaches(500).await;
    for round in 1..=3 {
        ledger.fault_begin("full");
        redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
        publisher
            .answered("the server is full", |answers| answers.full >= round)
            .await;
        // What is stored already is still handled.
        scene.quiet(Duration::from_secs(60)).await;
        redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
        ledger.fault_end("full");
        let stored = publisher.answers().stored;
        publisher.reaches(stored + 200).await;
    }
    publisher.stop().await;
    scene.quiet(Duration::from_secs(60)).await;
    crew.dismiss().await;
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(300)
        .faults_at_least(3)
        .max_attempts(4);
    let report = scene.judge(expectation).await;
    println!("{report}");
    report.assert_ok();
}

#[tokio::test]
async fn a_server_that_evicts_is_not_used() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
        let setup = lasting::setup().maxmemory_policy(policy);
        let redis = RedisServer::start(Kind::Redis7, setup).await;
        let refused = glmsg::connect(&redis.url()).await;
        let refused = refused.expect_err("such a server loses messages");
        assert_eq!(refused.kind(), ErrorKind::ConfigInvalid, "{refused}");
        assert!(!refused.is_transient(), "{refused}");
        let text = refused.to_string();
        for named in [policy, "noeviction", "eviction=warn"] {
            assert!(text.contains(named), "{named}: {text}");
        }
        let keys = redis.command(&["DBSIZE"]).await;
        assert_eq!(keys.integer(), Some(0), "nothing was written");
        let warned = format!("{}?eviction=warn", redis.url());
        glmsg::connect(&warned).await.expect("it is accepted so");
    }
}
