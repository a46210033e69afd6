//! F6: a consumer stands still for twice its lease while it handles messages. Others have them by then, and what it says
//! of them when it goes on comes too late.

use std::time::Duration;

use glmsg_faults::check::Expectation;
use glmsg_faults::ledger::{Settlement, What};
use glmsg_faults::server::{Kind, RedisServer, RedisSetup};
use glmsg_faults::until;
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};

use crate::TRAFFIC;

#[tokio::test]
async fn what_a_consumer_says_too_late_changes_nothing() {
    let redis = RedisServer::start(Kind::Redis7, RedisSetup::default()).await;
    let scene = Scene::new(&redis.url());
    let consumption = Consumption {
        workers: 16,
        ..Consumption::default()
    };
    let crew = Crew::hire(2, TRAFFIC, &scene, &consumption);
    // Both kinds are being handled at any time, so the stop hits acks and nacks alike.
    let publication = Publication {
        mix: Mix::default()
            .with(5000, Duty::Slow(1000))
            .with(5000, Duty::SlowFail(1000)),
        tasks: 2,
        batch: 3,
        pause: Duration::from_millis(200),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    let workers = crew.workers().await;
    let [victim, _] = &workers[..] else {
        panic!("two workers");
    };
    // What it has received and not settled; an answer that is not known yet is none.
    let held = || {
        let events = scene.events().into_iter();
        let mine = events.filter(|one| one.process == victim.name());
        mine.fold(0, |held: i64, one| match one.what {
            What::Recv { .. } => held + 1,
            What::Ack { result, .. } | What::Nack { result, .. } | What::Release { result, .. }
                if result != Settlement::Unknown =>
            {
                held - 1
            }
            _ => held,
        })
    };
    for _ in 0..3 {
        until("it is at work", Duration::from_secs(60), || async {
            held() >= 12
        })
        .await;
        victim.stop().await;
        tokio::time::sleep(consumption.lease * 2).await;
        victim.cont();
    }
    publisher.reaches(100).await;
    publisher.stop().await;
    scene.quiet(Duration::from_secs(120)).await;
    crew.dismiss().await;

    let too_late = |is: fn(&What) -> Option<Settlement>| {
        let events = scene.events();
        let mine = events.iter().filter(|one| one.process == victim.name());
        mine.filter(|one| is(&one.what) == Some(Settlement::Stale))
            .count()
    };
    let acks = too_late(|what| match what {
        What::Ack { result, .. } => Some(*result),
        _ => None,
    });
    let nacks = too_late(|what| match what {
        What::Nack { result, .. } => Some(*result),
        _ => None,
    });
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(100)
        .faults_at_least(3)
        .max_attempts(4);
    let report = scene.judge(expectation).await;
    println!("{acks} acks and {nacks} nacks came too late\n{report}");
    report.assert_ok();
    assert!(
        acks > 0 && nacks > 0,
        "{acks} acks, {nacks} nacks: {report}"
    );
}
