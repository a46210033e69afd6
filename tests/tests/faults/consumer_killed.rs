//! F5: consumers are killed every second and a half, and what they held goes to the others.

use std::time::Duration;

use glmsg_faults::check::Expectation;

use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};

use crate::length::seconds;
use crate::{TRAFFIC, lasting};

async fn case(settings: &str) {
    let redis = lasting::redis().await;
    let scene = Scene::new(&format!("{}?{settings}", redis.url()));
    let consumption = Consumption::default();
    let crew = Crew::hire(3, TRAFFIC, &scene, &consumption);
    let publication = Publication {
        mix: Mix::default()
            .with(2000, Duty::Slow(50))
            .with(200, Duty::Fail(1)),
        pause: Duration::from_millis(60),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    publisher.reaches(10).await;
    let every = Duration::from_millis(1500)..=Duration::from_millis(1500);
    let killer = crew.killer(1, every);
    tokio::time::sleep(seconds(12)).await;
    killer.reaches(6).await;
    killer.stop().await;
    publisher.stop().await;
    let patience = consumption.lease + Duration::from_secs(20);
    scene.quiet(patience).await;
    let logs = crew.dismiss().await;

    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(300)
        .max_attempts(4)
        .quiet_within(patience);
    let expectation = logs
        .into_iter()
        .fold(expectation, |expectation, (name, log)| {
            expectation.log(&name, log)
        });
    let report = scene.judge(expectation).await;
    println!("{report}");
    report.assert_ok();
    assert!(report.counts.crashes >= 6, "{report}");
    assert!(
        report.counts.redelivered > 0,
        "nobody held anything: {report}"
    );
}

#[tokio::test]
async fn what_a_killed_consumer_held_is_handled_by_others() {
    case("").await;
}

#[tokio::test]
async fn what_a_killed_consumer_held_of_a_frame_is_handled_by_others() {
    case("frames=8").await;
}
