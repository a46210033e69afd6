//! Traffic of a case, and its end.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::Broker;
use glmsg_faults::check::{Expectation, Report};
use glmsg_tests::traffic::{
    Consumption, Crew, Duty, Mix, Publication, Publisher, Scene, Told, rows,
};

use crate::TRAFFIC;

/// How long all may take to be quiet after the last fault.
const PATIENCE: Duration = Duration::from_secs(180);

/// Traffic: a publisher in this process, whose broker says what it lost, and worker processes.
pub(crate) struct Place {
    pub(crate) scene: Scene,
    pub(crate) crew: Crew,
    pub(crate) publisher: Publisher,
    pub(crate) told: Told,
    /// How acknowledged messages are kept.
    durability: String,
    broker: Arc<dyn Broker>,
}

impl Place {
    /// Begins traffic on a broker with that durability; `pause` is the time between two calls of each of eight tasks.
    pub(crate) async fn begin(url: &str, durability: &str, seed: u64, pause: u64) -> Self {
        Self::begin_with(url, durability, seed, (pause, 256)).await
    }

    /// The same, with payloads of so many bytes.
    pub(crate) async fn begin_with(
        url: &str,
        durability: &str,
        seed: u64,
        (pause, payload): (u64, usize),
    ) -> Self {
        let mark = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{mark}durability={durability}");
        let scene = Scene::new(&url);
        let consumption = Consumption {
            // Longer than another server needs to take over.
            lease: Duration::from_secs(10),
            ..Consumption::default()
        };
        let crew = Crew::hire(2, TRAFFIC, &scene, &consumption);
        let publication = Publication {
            seed,
            mix: Mix::default()
                .with(200, Duty::Fail(1))
                .with(10, Duty::ALWAYS_FAIL),
            pause: Duration::from_millis(pause),
            payload,
            ..Publication::default()
        };
        let ledger = scene.writer("publisher");
        let (broker, told) = Told::connect(&url, &ledger).await;
        let publisher = Publisher::on(broker.clone(), &scene.topic(), ledger, &publication);
        publisher.reaches(200).await;
        Self {
            scene,
            crew,
            publisher,
            told,
            durability: durability.to_owned(),
            broker,
        }
    }

    /// Waits until so many more messages are stored.
    pub(crate) async fn goes_on(&self, messages: u64) {
        let stored = self.publisher.answers().stored;
        self.publisher.reaches(stored + messages).await;
    }

    /// Ends the traffic and has it judged, as a case of that fault.
    pub(crate) async fn end(
        self,
        fault: &str,
        judge: impl FnOnce(Expectation) -> Expectation,
    ) -> (Report, Told) {
        let Self {
            scene,
            crew,
            publisher,
            told,
            durability,
            broker,
        } = self;
        publisher.stop().await;
        scene.quiet(PATIENCE).await;
        let logs = crew.dismiss().await;
        let mut expectation = Expectation::for_groups([scene.group()])
            .published_at_least(1000)
            .faults_at_least(1);
        for (name, log) in &logs {
            expectation = expectation.log(name, log.as_str());
            assert!(!log.contains("CROSSSLOT"), "{name}:\n{log}");
        }
        let report = scene.judge(judge(expectation)).await;
        let (lost, again) = (told.lost(), told.stored_again());
        println!("{durability}, {fault}: {lost} found lost, {again} stored again\n{report}");
        rows::loss(&durability, fault, &report, &told);
        report.assert_ok();
        broker.close().await.expect("it closes");
        (report, told)
    }
}
