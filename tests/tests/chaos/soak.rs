//! F33: traffic for a long time, with servers that are killed and connections that break: memory, files and tasks of the
//! process stay what they were.

use std::time::Duration;

use glmsg_faults::check::Expectation;
use glmsg_faults::process::Usage;
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_tests::traffic::{Consumption, Duty, Mix, Probe, Publication, Publisher, Scene};
use tokio::time::Instant;

/// How long the soak goes on, in seconds; a minute if it is not said.
const VARIABLE: &str = "GLMSG_SOAK_SECONDS";
/// How much memory may grow: the allocator's own disorder.
const MEMORY: u64 = 24 << 20;

/// What a process uses, when nothing is under way.
struct Level {
    usage: Usage,
    tasks: u64,
}

impl Level {
    fn now() -> Self {
        let tasks = tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks();
        Self {
            usage: Usage::of_this_process().expect("it can be read"),
            tasks: tasks as u64,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f33_soak() {
    let seconds = std::env::var(VARIABLE).ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(60);
    let time = Duration::from_secs(seconds);
    let redis = RedisServer::start(Kind::Redis7, RedisSetup::default()).await;
    let scene = Scene::new(&redis.url());
    let mut consumers = Vec::new();
    for number in 0..3 {
        let ledger = scene.writer(&format!("consumer-{number}"));
        let (topic, group) = (scene.topic(), scene.group());
        let broker = scene.connect().await;
        let consumption = Consumption {
            lease: Duration::from_secs(5),
            ..Consumption::default()
        };
        let names = (topic.as_str(), group.as_str());
        let started = consumption.start(broker.clone(), names, &ledger).await;
        consumers.push((broker, started.expect("it starts")));
    }
    let publication = Publication {
        mix: Mix::default()
            .with(200, Duty::Fail(1))
            .with(10, Duty::ALWAYS_FAIL),
        // Little, as the ledger of half an hour has to be judged, too.
        tasks: 4,
        batch: 4,
        payload: 1024,
        pause: Duration::from_millis(100),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    let pause = Duration::from_millis(500);
    let probe = Probe::start(scene.connect().await, scene.writer("probe"), pause);
    publisher.reaches(100).await;
    // The first kills come before the baseline: what is made at the first fault is made.
    let every = Duration::from_millis(7000)..=Duration::from_millis(9000);
    let killer = scene.kill_server(&redis, 33, every);
    let begun = Instant::now();
    tokio::time::sleep(time / 3).await;
    let baseline = Level::now();
    let rest = time.saturating_sub(begun.elapsed());
    tokio::time::sleep(rest).await;
    let kills = killer.stop().await;
    probe.is_well().await;
    let end = Level::now();
    probe.stop();
    publisher.stop().await;
    scene.quiet(Duration::from_secs(120)).await;
    for (broker, consumer) in consumers {
        consumer.shutdown().await.expect("it ends in order");
        broker.close().await.expect("it closes");
    }
    let (before, after) = (baseline.usage, end.usage);
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(usize::try_from(seconds).unwrap_or(usize::MAX) * 20)
        .faults_at_least(usize::try_from(kills).unwrap_or(usize::MAX))
        .max_attempts(4)
        .publish_gap(Duration::from_secs(10))
        .resource(
            "memory",
            before.resident_bytes,
            after.resident_bytes,
            MEMORY,
        )
        .resource("files", before.open_files, after.open_files, 10)
        .resource("threads", before.threads, after.threads, 2)
        .resource("tasks", baseline.tasks, end.tasks, 10);
    let report = scene.judge(expectation).await;
    println!(
        "{time:?}: {} MiB then {} MiB, {} files then {}, {} tasks then {}\n{report}",
        before.resident_bytes >> 20,
        after.resident_bytes >> 20,
        before.open_files,
        after.open_files,
        baseline.tasks,
        end.tasks
    );
    report.assert_ok();
}
