//! F6: a consumer stands still for twice its lease while it handles messages. Others have them by then, and what it says
//! of them when it goes on comes too late.

use std::time::Duration;

use glmsg_faults::check::Expectation;
use glmsg_faults::ledger::{Settlement, What};

use glmsg_faults::until;
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Pen, Publication, Publisher, Scene};

use crate::{TRAFFIC, lasting};

/// How often it is stopped, and how many messages there are each time: more than it and the other can hold.
const ROUNDS: u64 = 3;
const MESSAGES: u64 = 150;

#[tokio::test]
async fn what_a_consumer_says_too_late_changes_nothing() {
    let redis = lasting::redis().await;
    let scene = Scene::new(&redis.url());
    let consumption = Consumption {
        workers: 16,
        ..Consumption::default()
    };
    let crew = Crew::hire(2, TRAFFIC, &scene, &consumption);
    // Both kinds are being handled at any time, so the stop hits acks and nacks alike.
    let publication = |seed| Publication {
        seed,
        mix: Mix::default()
            .with(5000, Duty::Slow(1000))
            .with(5000, Duty::SlowFail(1000)),
        tasks: 2,
        batch: 4,
        messages: Some(MESSAGES),
        ..Publication::default()
    };
    let workers = crew.workers().await;
    let [victim, _] = &workers[..] else {
        panic!("two workers");
    };
    let count = |is: fn(&What) -> bool| {
        let events = scene.events().into_iter();
        let mine =
            events.filter(|one| Pen::process_of(&one.process) == victim.name() && is(&one.what));
        mine.count()
    };
    let received = || count(|what| matches!(what, What::Recv { .. }));
    // An answer that is not known yet is none.
    let settled = || {
        count(|what| match what {
            What::Ack { result, .. } | What::Nack { result, .. } | What::Release { result, .. } => {
                *result != Settlement::Unknown
            }
            _ => false,
        })
    };
    let ledger = scene.ledger();
    for round in 1..=ROUNDS {
        let name = format!("publisher-{round}");
        let publisher = Publisher::start(&scene, &name, &publication(round));
        until("it is at work", Duration::from_secs(60), || async {
            received() >= settled() + 12
        })
        .await;
        // What it had been sent before is recorded when it goes on: it is behind until it has settled some of it.
        ledger.fault_begin_for(victim.name(), "behind");
        victim.stop().await;
        tokio::time::sleep(consumption.lease * 2).await;
        let before = settled();
        victim.cont();
        until("it goes on", Duration::from_secs(60), || async {
            settled() >= before + 10
        })
        .await;
        ledger.fault_end_for(victim.name(), "behind");
        assert_eq!(publisher.join().await, MESSAGES);
    }
    scene.quiet(Duration::from_secs(120)).await;
    crew.dismiss().await;

    let too_late = |is: fn(&What) -> Option<Settlement>| {
        let events = scene.events();
        let mine = events
            .iter()
            .filter(|one| Pen::process_of(&one.process) == victim.name());
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
        .published_at_least(450)
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
