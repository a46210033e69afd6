//! F7: the clock of the server, or of everybody else, jumps by an hour, and back.
//!
//! What is due is late by no more than the jump, and nothing is lost or put away because of it. A jump forward ends every
//! lease that runs, so who holds a message may be one of two then.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use glmsg_faults::check::{Expectation, Invariant};
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_faults::services;
use glmsg_tests::traffic::{
    Consumption, Crew, Duty, Mix, Publication, Publisher, Scene, Told, rows,
};

use crate::{TRAFFIC, seeds};

const HOUR: i64 = 3600;

/// The clock of the worker processes: a program that starts them with it.
struct Clock {
    dir: tempfile::TempDir,
}

impl Clock {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = Self { dir };
        clock.set(0);
        let script = format!(
            "#!/bin/sh\nexport LD_PRELOAD={} FAKETIME_TIMESTAMP_FILE={} FAKETIME_NO_CACHE=1 \
             FAKETIME_DONT_FAKE_MONOTONIC=1\nexec {TRAFFIC} \"$@\"\n",
            services::get("LIBFAKETIME"),
            clock.file().display(),
        );
        std::fs::write(clock.program(), script).expect("a program can be written");
        let runnable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(clock.program(), runnable).expect("and made one");
        clock
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("clock")
    }

    fn program(&self) -> PathBuf {
        self.dir.path().join("traffic")
    }

    fn set(&self, seconds: i64) {
        let new = self.dir.path().join("new");
        std::fs::write(&new, format!("{seconds:+}\n")).expect("the clock can be written");
        std::fs::rename(new, self.file()).expect("the clock can be replaced");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

async fn case(of_server: bool, seed: u64) {
    let setup = RedisSetup::default().movable_clock();
    let redis = RedisServer::start(Kind::Redis7, setup).await;
    let scene = Scene::new(&redis.url());
    let (ledger, clock) = (scene.ledger(), Clock::new());
    let consumption = Consumption {
        lease: Duration::from_secs(5),
        ..Consumption::default()
    };
    let crew = Crew::hire(2, text(&clock.program()), &scene, &consumption);
    let publication = Publication {
        seed,
        mix: Mix::default()
            .with(500, Duty::Fail(1))
            .with(20, Duty::ALWAYS_FAIL)
            .with(500, Duty::Slow(50)),
        pause: Duration::from_millis(60),
        ..Publication::default()
    };
    let pen = scene.writer("publisher");
    let (broker, told) = Told::connect(&redis.url(), &pen).await;
    let publisher = Publisher::on(broker.clone(), &scene.topic(), pen, &publication);
    publisher.reaches(200).await;
    let letters = scene.dead_letters(&broker).await.len();
    let mut jumps = vec![HOUR, 0, -HOUR, 0];
    if of_server {
        // What was to be tried again at a later hour is due then.
        jumps.push(HOUR + 60);
    }
    for seconds in jumps {
        ledger.fault_begin("clock jumps");
        match of_server {
            true => redis.set_clock_offset(seconds).await,
            false => clock.set(seconds),
        }
        let stored = publisher.answers().stored;
        publisher.reaches(stored + 300).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        ledger.fault_end("clock jumps");
    }
    publisher.stop().await;
    scene.quiet(Duration::from_secs(120)).await;
    crew.dismiss().await;
    let kept = scene.dead_letters(&broker).await.len();
    assert!(
        kept >= letters,
        "dead letters of 30 days are put away after an hour"
    );
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(1000)
        .faults_at_least(4)
        // A jump forward ends leases, which counts as an attempt.
        .max_attempts(if of_server { 6 } else { 4 })
        .publish_gap(Duration::from_secs(10));
    let expectation = match of_server {
        true => expectation.skip(Invariant::I7),
        false => expectation,
    };
    let report = scene.judge(expectation).await;
    println!("clock of the server: {of_server}, seed {seed}\n{report}");
    let whose = if of_server { "the server" } else { "clients" };
    rows::loss(
        "local",
        &format!("clock of {whose} jumps by an hour"),
        &report,
        &told,
    );
    report.assert_ok();
    assert_eq!(told.lost(), 0, "nothing is found lost that is not");
}

seeds!(f7_server, |seed| case(true, seed));
seeds!(f7_client, |seed| case(false, seed));
