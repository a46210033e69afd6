//! A hundred consumers of one group in one process, on default settings, beside publishes and health checks: nobody waits
//! for a connection, and nobody starves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use glmsg::{Consumer, HealthStatus, Incoming};
use glmsg_faults::check::Expectation;
use glmsg_faults::process::Usage;

use glmsg_faults::until;
use glmsg_tests::traffic::{Pen, Publication, Publisher, Recorder, Scene};

use crate::alone::is_alone;
use crate::info::number;
use crate::lasting;

const CONSUMERS: usize = 100;

#[test]
fn a_hundred_consumers_share_a_process() {
    if is_alone("many_consumers::a_hundred_consumers_share_a_process") {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(case());
    }
}

async fn case() {
    let redis = lasting::redis().await;
    let scene = Scene::new(&redis.url());
    let (topic, group) = (scene.topic(), scene.group());
    let broker = scene.connect().await;
    let mut consumers = Vec::new();
    let mut handled = Vec::new();
    for n in 0..CONSUMERS {
        let pen = Pen::new(scene.writer(&format!("consumer-{n}")), &group);
        let lease = Duration::from_secs(30);
        let recorded = Recorder::before(broker.clone(), pen.clone(), lease);
        let count = Arc::new(AtomicU64::new(0));
        handled.push(count.clone());
        let handler = move |incoming: Incoming| {
            let (pen, count) = (pen.clone(), count.clone());
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                pen.done(&incoming.id().to_string(), incoming.attempt());
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        };
        let consumer = Consumer::new(recorded, topic.as_str(), group.as_str());
        consumers.push(consumer.start(handler).await.expect("it starts"));
    }
    let idle = Usage::of_this_process().expect("the usage");

    // From the same broker, and so over the same connections.
    let publication = Publication {
        pause: Duration::from_millis(10),
        ..Publication::default()
    };
    let ledger = scene.writer("publisher");
    let publisher = Publisher::on(broker.clone(), &topic, ledger, &publication);
    let (topic_name, group_name) = scene.names();
    let slowest = AtomicU64::new(0);
    until(
        "everybody has handled something",
        Duration::from_secs(120),
        || {
            let (broker, handled, slowest) = (&broker, &handled, &slowest);
            let (topic, group) = (&topic_name, &group_name);
            async move {
                let health = broker.health().await;
                assert_eq!(health.status, HealthStatus::Healthy, "{health:?}");
                let ms = u64::try_from(health.latency.as_millis()).unwrap_or(u64::MAX);
                slowest.fetch_max(ms, Ordering::Relaxed);
                broker.lag(topic, group).await.expect("a lag");
                // As often as somebody who watches does.
                tokio::time::sleep(Duration::from_millis(50)).await;
                handled
                    .iter()
                    .all(|count| count.load(Ordering::Relaxed) > 0)
            }
        },
    )
    .await;
    let clients = number(&redis, "clients", "connected_clients").await;
    let busy = Usage::of_this_process().expect("the usage");
    publisher.reaches(1000).await;
    publisher.stop().await;
    scene.quiet(Duration::from_secs(60)).await;
    for consumer in consumers {
        let report = consumer.shutdown().await.expect("it drains");
        assert_eq!(report.stats.stale, 0, "{report:?}");
    }
    let mut shares: Vec<u64> = handled.iter().map(|n| n.load(Ordering::Relaxed)).collect();
    shares.sort_unstable();
    println!(
        "handled {} to {}, {} in the middle; the slowest health check took {} ms; memory {} and {} KiB; {clients} connections",
        shares[0],
        shares[CONSUMERS - 1],
        shares[CONSUMERS / 2],
        slowest.into_inner(),
        idle.resident_bytes >> 10,
        busy.resident_bytes >> 10,
    );
    let expectation = Expectation::for_groups([group])
        .published_at_least(1000)
        .max_attempts(1);
    let report = scene.judge(expectation).await;
    println!("{report}");
    report.assert_ok();
    assert_eq!(
        report.counts.indeterminate + report.counts.rejected,
        0,
        "{report}"
    );
}
