//! A queue that does everything right, under all faults at once: the checker finds nothing.
//!
//! It is the counterpart of the broken ones: with many processes at work, real time-outs and real kills, records come
//! late and out of order, and the checker must not take that for a fault.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

mod queue;
mod traffic;

use std::time::Duration;

use glmsg_faults::check::{DeadLetter, Expectation, Invariant, Remains, check};
use glmsg_faults::ledger::{Writer, read_dir};
use glmsg_faults::process::Killer;
use glmsg_faults::proxy::{Chaos, Proxy};
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_faults::until;

use queue::{DEAD, GROUP, LEASE, MAX_ATTEMPTS, QUEUE, TIMEOUT};
use traffic::{Ended, consumer, publisher};

const KILLS: u64 = 3;
const FAULTS: u64 = 12;
const POISON: &str = "p0-7";

async fn everything_at_once(seed: u64) {
    let ms = Duration::from_millis;
    let redis = RedisServer::start(Kind::Redis7, RedisSetup::default()).await;
    let proxy = Proxy::start(redis.addr()).await;
    let url = redis.url_at(proxy.addr());
    redis
        .command(&["XGROUP", "CREATE", QUEUE, GROUP, "0", "MKSTREAM"])
        .await;
    let dir = tempfile::tempdir().unwrap();
    let ledger = Writer::open(dir.path(), "case");

    let chaos = Chaos::new(seed)
        .lasting(ms(10)..=ms(150))
        .apart(ms(50)..=ms(200));
    let chaos = chaos.run(&proxy.control(), &ledger);
    let killer = Killer::start(seed, ms(500)..=ms(900), {
        let (redis, ledger) = (redis.clone(), ledger.clone());
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
    let (enough, ended) = (Ended::default(), Ended::default());
    let consumers: Vec<_> = (0..3)
        .map(|n| Writer::open(dir.path(), &format!("consumer-{n}")))
        .map(|ledger| tokio::spawn(consumer(url.clone(), ledger, POISON, ended.clone())))
        .collect();
    let publishers: Vec<_> = (0..2)
        .map(|n| {
            (
                format!("p{n}"),
                Writer::open(dir.path(), &format!("publisher-{n}")),
            )
        })
        .map(|(name, ledger)| tokio::spawn(publisher(url.clone(), ledger, name, enough.clone())))
        .collect();
    killer.reaches(KILLS).await;
    chaos.reaches(FAULTS).await;
    enough.tell();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let kills = killer.stop().await;
    let faults = kills + chaos.stop().await;
    until(
        "everything is consumed",
        Duration::from_secs(30),
        || async { redis.command(&["XLEN", QUEUE]).await.integer() == Some(0) },
    )
    .await;
    ended.tell();
    for consumer in consumers {
        consumer.await.unwrap();
    }

    let letters = redis.command(&["LRANGE", DEAD, "0", "-1"]).await;
    let letters = letters.list().iter().filter_map(|letter| letter.text());
    let dead = letters.map(|id| DeadLetter {
        id: id.to_owned(),
        attempts: MAX_ATTEMPTS,
    });
    let expectation = Expectation::for_groups([GROUP])
        .remains(GROUP, Remains::dead(dead))
        .published_at_least(100)
        .faults_at_least(usize::try_from(KILLS + FAULTS).unwrap())
        .max_attempts(MAX_ATTEMPTS)
        .lease_slack(TIMEOUT)
        .quiet_within(LEASE * (MAX_ATTEMPTS + 1))
        .publish_gap(Duration::from_secs(15));
    let report = check(&read_dir(dir.path()).unwrap(), &expectation);
    report.assert_ok();
    assert!(report.judged(Invariant::I7), "{report}");
    assert_eq!(report.counts.faults, faults);
    // The poison, and whatever else had its deliveries lost as often.
    assert!(
        report.counts.dead > 0 && report.counts.redelivered > 0,
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_queue_survives_everything_at_once() {
    everything_at_once(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_queue_survives_everything_in_another_order() {
    everything_at_once(31).await;
}
