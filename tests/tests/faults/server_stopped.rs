//! F3: the server stands still for ten seconds with its connections open, and nobody knows what became of a publish.

use std::time::Duration;

use glmsg_faults::check::Expectation;
use glmsg_faults::ledger::{Event, What};

use glmsg_tests::traffic::{Consumption, Crew, Probe, Publication, Publisher, Scene};

use crate::{TRAFFIC, lasting};

/// How long after the end of the last fault the first message was stored.
fn recovery(events: &[Event]) -> Duration {
    let mut ends = events.iter().rev();
    let healed = ends.find(|event| matches!(event.what, What::FaultEnd { .. }));
    let healed = healed.expect("a fault ended").at;
    let stored = |event: &&Event| {
        let is_stored = matches!(event.what, What::PubOk { .. } | What::PubDup { .. });
        is_stored && event.at > healed
    };
    let stored = events.iter().find(stored).expect("something was stored");
    Duration::from_nanos(stored.at - healed)
}

#[tokio::test]
async fn a_server_that_stands_still_gets_nothing_twice() {
    let redis = lasting::redis().await;
    let scene = Scene::new(&redis.url());
    let ledger = scene.ledger();
    let crew = Crew::hire(2, TRAFFIC, &scene, &Consumption::default());
    let publication = Publication {
        // Always under way, so that the stop finds some that were sent.
        pause: Duration::ZERO,
        tasks: 4,
        ..Publication::default()
    };
    // What is under way is given up long before the server goes on.
    let url = format!("{}?timeout_ms=1000", scene.url());
    let publisher = Publisher::start_at(&scene, "publisher", &publication, &url);
    let probe = Duration::from_millis(100);
    let probe = Probe::start(scene.connect().await, scene.writer("probe"), probe);
    publisher.reaches(200).await;
    probe.is_well().await;

    ledger.fault_begin("stop");
    redis.stop().await;
    // Longer than the time-out of a publish, and than that of a probe.
    tokio::time::sleep(Duration::from_secs(10)).await;
    redis.cont();
    ledger.fault_end("stop");

    let stored = publisher.answers().stored;
    publisher.reaches(stored + 500).await;
    probe.is_well().await;
    probe.stop();
    publisher.stop().await;
    scene.quiet(Duration::from_secs(60)).await;
    crew.dismiss().await;

    println!("back after {:?}", recovery(&scene.events()));
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(500)
        .faults_at_least(1)
        .max_attempts(4)
        .publish_gap(Duration::from_secs(20))
        .unhealthy_during("stop");
    let report = scene.judge(expectation).await;
    println!("{report}");
    report.assert_ok();
    assert!(report.counts.indeterminate > 0, "{report}");
}
