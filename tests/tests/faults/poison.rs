//! F26: messages that fail each time, kill whoever handles them, or never end. Each becomes one dead letter after its
//! attempts, and takes nobody along.

use std::collections::BTreeSet;
use std::time::Duration;

use glmsg::{DeadLetterReason, ReplayQuery, StartFrom};
use glmsg_faults::check::Expectation;

use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};

use crate::{TRAFFIC, lasting};

#[tokio::test]
async fn poison_ends_as_a_dead_letter_and_takes_nobody_along() {
    let redis = lasting::redis().await;
    let scene = Scene::new(&redis.url());
    let consumption = Consumption {
        lease: Duration::from_secs(1),
        handler_timeout: Some(Duration::from_millis(500)),
        ..Consumption::default()
    };
    let crew = Crew::hire(3, TRAFFIC, &scene, &consumption);
    let publication = Publication {
        seed: 41,
        mix: Mix::default()
            .with(100, Duty::ALWAYS_FAIL)
            .with(100, Duty::Panic)
            .with(100, Duty::Hang)
            .with(1000, Duty::Slow(20)),
        messages: Some(1000),
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    publisher.reaches(200).await;
    // One of each that kill, in the midst of the others. A crash counts against whatever the process held, so that only so
    // many can be told from their bystanders.
    for duty in [Duty::Abort, Duty::Overflow] {
        let publication = Publication {
            mix: Mix::default().with(10_000, duty),
            messages: Some(1),
            ..Publication::default()
        };
        let name = format!("{duty:?}");
        let killer = Publisher::start(&scene, &name, &publication);
        assert_eq!(killer.join().await, 1);
    }
    assert_eq!(publisher.join().await, 1000);
    scene.quiet(Duration::from_secs(120)).await;
    crew.dismiss().await;

    let broker = scene.connect().await;
    let (topic, _) = scene.names();
    let query = ReplayQuery::new(topic, StartFrom::Earliest).limit(2000);
    let stored = broker.replay(&query).await.expect("the topic");
    let stored = stored
        .into_iter()
        .map(|one| one.message.expect("a message"));
    let poison = stored.filter(|message| Duty::of(message.payload()).is_poison());
    let poison: Vec<_> = poison.collect();
    for duty in [
        Duty::ALWAYS_FAIL,
        Duty::Panic,
        Duty::Hang,
        Duty::Abort,
        Duty::Overflow,
    ] {
        let mut asked = poison.iter().map(|message| Duty::of(message.payload()));
        assert!(
            asked.any(|asked| asked == duty),
            "no message asked for {duty:?}"
        );
    }
    let letters = scene.dead_letters(&broker).await;
    for letter in &letters {
        assert_eq!(letter.reason, DeadLetterReason::MaxRetries, "{letter:?}");
        assert_eq!(letter.attempts, 4, "{letter:?}");
        assert_eq!(letter.history.len(), 4, "{letter:?}");
    }
    let dead: BTreeSet<_> = letters.iter().map(|letter| letter.id).collect();
    assert_eq!(dead, poison.iter().map(glmsg::Message::id).collect());

    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(1000)
        .max_attempts(4);
    let report = scene.judge(expectation).await;
    println!("{report}");
    report.assert_ok();
    assert!(report.counts.crashes > 0, "{report}");
}
