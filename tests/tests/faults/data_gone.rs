//! F8 and F9: data vanishes behind the broker's back. What can be lost is reported, and all goes on by itself.

use std::time::Duration;

use glmsg_faults::check::{Expectation, Loss, Report};
use glmsg_faults::ledger::{Event, What};
use glmsg_faults::server::RedisServer;
use glmsg_faults::until;
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};

use crate::{TRAFFIC, lasting};

/// A server with traffic.
struct Case {
    redis: RedisServer,
    scene: Scene,
    crew: Crew,
    publisher: Publisher,
}

/// What came of a case.
struct Ended {
    report: Report,
    /// What all workers said by themselves about lost data.
    told: Vec<String>,
    events: Vec<Event>,
}

impl Case {
    async fn begin() -> Self {
        let redis = lasting::redis().await;
        let scene = Scene::new(&redis.url());
        let crew = Crew::hire(3, TRAFFIC, &scene, &Consumption::default());
        let publication = Publication {
            mix: Mix::default()
                .with(200, Duty::Fail(1))
                .with(2000, Duty::Slow(20)),
            ..Publication::default()
        };
        let publisher = Publisher::start(&scene, "publisher", &publication);
        publisher.reaches(500).await;
        Self {
            redis,
            scene,
            crew,
            publisher,
        }
    }

    /// The key of the topic that ends so.
    fn key(&self, end: &str) -> String {
        format!("glmsg:{{glmsg/{}}}:{end}", self.scene.topic())
    }

    /// Does it, as a fault of that name.
    async fn suffers(&self, fault: &str, command: &[&str]) {
        let ledger = self.scene.ledger();
        ledger.fault_begin(fault);
        self.redis.command(command).await;
        ledger.fault_end(fault);
    }

    /// The same, for what loses data: it goes on until somebody has noticed, because consumers still have messages in
    /// their hands until then that they got before, and publishers wait for answers that the server gave before.
    async fn loses(&self, fault: &str, command: &[&str]) {
        let ledger = self.scene.ledger();
        ledger.fault_begin(fault);
        self.redis.command(command).await;
        until("the loss is reported", Duration::from_secs(30), || async {
            let events = self.scene.events();
            let mut told = events.iter();
            told.any(|event| matches!(event.what, What::LossReported { .. }))
        })
        .await;
        let stored = self.publisher.answers().stored;
        self.publisher.reaches(stored + 200).await;
        ledger.fault_end(fault);
    }

    async fn end(self, judge: impl FnOnce(Expectation) -> Expectation) -> Ended {
        let Self {
            redis,
            scene,
            crew,
            publisher,
        } = self;
        let stored = publisher.answers().stored;
        publisher.reaches(stored + 500).await;
        publisher.stop().await;
        scene.quiet(Duration::from_secs(60)).await;
        let logs = crew.dismiss().await;
        let lines = logs.iter().flat_map(|(_, log)| log.lines());
        let told = lines.filter(|line| line.contains("data was lost"));
        let told = told.map(str::to_owned).collect();
        let expectation = Expectation::for_groups([scene.group()])
            .published_at_least(300)
            .faults_at_least(1);
        let report = scene.judge(judge(expectation)).await;
        let events = scene.events();
        drop(redis);
        println!("{told:#?}\n{report}");
        report.assert_ok();
        Ended {
            report,
            told,
            events,
        }
    }
}

impl Ended {
    /// How often a loss was told with this in its text.
    fn told(&self, text: &str) -> usize {
        self.told.iter().filter(|line| line.contains(text)).count()
    }

    /// How long after the fault a message was done that was published after it.
    fn resumed(&self) -> Duration {
        let begun = self.events.iter().find_map(|event| match event.what {
            What::FaultBegin { .. } => Some(event.at),
            _ => None,
        });
        let begun = begun.expect("the fault began");
        let after = self.events.iter().filter(|event| event.at > begun);
        let mut new = Vec::new();
        for event in after {
            match &event.what {
                What::PubTry { id, .. } => new.push(id),
                What::Done { id, .. } if new.contains(&id) => {
                    return Duration::from_nanos(event.at - begun);
                }
                _ => {}
            }
        }
        panic!("nothing that was published after the fault was done");
    }
}

/// What was stored this long before data vanished may not have been handled yet.
const IN_FLIGHT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_flushed() {
    let case = Case::begin().await;
    case.loses("flush", &["FLUSHALL"]).await;
    let ended = case
        .end(|it| it.loss(Loss::Reported).loss_within(IN_FLIGHT))
        .await;
    // By the one consumer that made it anew.
    assert_eq!(
        ended.told("event=group workers of topic orders was lost"),
        1
    );
    assert!(ended.told("event=topic orders was lost") <= 1);
    let resumed = ended.resumed();
    println!("consumers went on after {resumed:?}");
    assert!(resumed < Duration::from_secs(5), "{resumed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_deleted() {
    let case = Case::begin().await;
    let lane = case.key("lane1");
    case.loses("delete", &["DEL", &lane]).await;
    let ended = case
        .end(|it| it.loss(Loss::Reported).loss_within(IN_FLIGHT))
        .await;
    assert_eq!(ended.told("was lost"), 1);
    assert!(ended.resumed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_destroyed_on_a_stream() {
    let case = Case::begin().await;
    let lane = case.key("lane1");
    let groups = case.redis.command(&["XINFO", "GROUPS", &lane]).await;
    let [group] = groups.list() else {
        panic!("one group: {groups:?}");
    };
    let name = group.list()[1].text().expect("a name").to_owned();
    case.loses("destroy", &["XGROUP", "DESTROY", &lane, &name])
        .await;
    // It begins again at the oldest message kept, so much is handled again, and nothing is lost.
    let ended = case.end(|it| it.loss(Loss::Reported)).await;
    assert_eq!(ended.report.counts.lost, 0, "{}", ended.report);
    assert_eq!(ended.told("was lost"), 1);
    assert!(ended.resumed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_flushed_again_and_again() {
    let case = Case::begin().await;
    for round in 1..=10 {
        case.suffers("script flush", &["SCRIPT", "FLUSH"]).await;
        case.publisher.reaches(500 + 100 * round).await;
    }
    let ended = case.end(|it| it.faults_at_least(10).max_attempts(4)).await;
    assert_eq!(ended.told("was lost"), 0);
    assert_eq!(ended.report.counts.indeterminate, 0, "{}", ended.report);
}
