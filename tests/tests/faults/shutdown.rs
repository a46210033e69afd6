//! F32: a consumer is asked to end in the midst of its work. It takes nothing more, finishes what it has begun, and gives
//! the rest back at once: nobody waits for a lease to run out.

use std::collections::BTreeMap;
use std::time::Duration;

use glmsg_faults::check::Expectation;
use glmsg_faults::ledger::{Settlement, What};

use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Pen, Publication, Publisher, Scene};

use crate::{TRAFFIC, lasting};

#[tokio::test]
async fn a_consumer_that_is_asked_to_end_leaves_nothing_behind() {
    let redis = lasting::redis().await;
    let scene = Scene::new(&redis.url());
    let consumption = Consumption {
        // What anybody had to wait for would take longer than the case.
        lease: Duration::from_secs(600),
        prefetch: 128,
        ..Consumption::default()
    };
    let stay = Crew::hire(1, TRAFFIC, &scene, &consumption);
    let publication = Publication {
        mix: Mix::default().with(10_000, Duty::Slow(30)),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    publisher.reaches(500).await;
    let mut leavers = Vec::new();
    for round in 1..=3 {
        let leaver = Crew::named(1, &format!("leaver-{round}"), TRAFFIC, &scene, &consumption);
        publisher.reaches(500 + 500 * round).await;
        // In order, though more and more waits to be taken.
        let logs = leaver.dismiss().await;
        leavers.extend(logs.into_iter().map(|(name, _)| name));
    }
    publisher.stop().await;
    scene.quiet(Duration::from_secs(120)).await;
    stay.dismiss().await;

    // What became of each delivery to one that left.
    let (mut open, mut given_back, mut finished) = (BTreeMap::new(), 0, 0);
    for event in scene.events() {
        if !leavers
            .iter()
            .any(|name| name == Pen::process_of(&event.process))
        {
            continue;
        }
        match event.what {
            What::Recv { id, attempt, .. } => {
                assert_eq!(attempt, 1, "{id} was not given back as if nothing had been");
                open.insert((event.process, id), ());
            }
            What::Ack {
                id,
                result: Settlement::Accepted,
                ..
            } => {
                finished += usize::from(open.remove(&(event.process, id)).is_some());
            }
            What::Release {
                id,
                result: Settlement::Accepted,
                ..
            } => {
                given_back += usize::from(open.remove(&(event.process, id)).is_some());
            }
            _ => {}
        }
    }
    assert!(
        open.is_empty(),
        "held until the lease ends: {:?}",
        open.keys()
    );
    println!("{finished} finished, {given_back} given back");
    assert!(finished > 0 && given_back > 0, "{finished}, {given_back}");
    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(2000)
        .max_attempts(1);
    let report = scene.judge(expectation).await;
    println!("{report}");
    report.assert_ok();
    assert_eq!(report.counts.done_again, 0, "{report}");
}
