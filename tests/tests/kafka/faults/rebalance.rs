//! F17: workers come and go every two seconds while handlers are slow. Nothing is lost, work never stops, and nothing is
//! committed beyond a message whose handler has not ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use glmsg_core::MessageId;
use glmsg_faults::check::Expectation;
use glmsg_faults::ledger::{Event, Settlement, What, now_ns};
use glmsg_faults::process::Killer;
use glmsg_faults::services;
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};
use tokio::task::JoinHandle;

use super::{PARTITIONS, TRAFFIC};
use crate::{places, raw};

/// What a group had committed at a moment, by partition.
type Sample = (u64, BTreeMap<i32, i64>);

/// The longest time without an ack while there is something to do.
const STANDSTILL: Duration = Duration::from_secs(20);
/// How often somebody comes or goes.
const CHANGES: u64 = 12;

async fn case(settings: &str) {
    let namespace = format!("f17-{}", MessageId::new());
    let service = services::get("KAFKA_URL");
    let url = format!("{service}?namespace={namespace}&session_timeout_ms=6000{settings}");
    let scene = Scene::new(&url);
    let consumption = Consumption {
        lease: Duration::from_secs(15),
        workers: 4,
        prefetch: 8,
        ..Consumption::default()
    };
    // More than can be done meanwhile.
    let publication = Publication {
        mix: Mix::default()
            .with(4000, Duty::Slow(300))
            .with(3000, Duty::Slow(100))
            .with(100, Duty::Fail(1)),
        messages: Some(3000),
        pause: Duration::ZERO,
        ..Publication::default()
    };
    let publisher = Publisher::start(&scene, "publisher", &publication);
    assert_eq!(publisher.join().await, 3000);
    let crew = Arc::new(Crew::hire(3, TRAFFIC, &scene, &consumption));
    let topic = format!("{namespace}.{}", scene.topic());
    let watch = Watch::start(&url, &topic, &format!("{topic}..{}", scene.group()));
    let every = Duration::from_secs(2)..=Duration::from_secs(2);
    let storm = Killer::start(1, every, {
        let crew = Arc::clone(&crew);
        move |round| {
            let crew = Arc::clone(&crew);
            async move {
                match round % 2 {
                    0 => crew.joined().await,
                    _ => crew.left().await,
                }
            }
        }
    });
    storm.reaches(CHANGES).await;
    storm.stop().await;
    scene.quiet(Duration::from_secs(180)).await;
    let samples = watch.stop().await;
    let crew = Arc::into_inner(crew).expect("nobody else has it");
    let logs = crew.dismiss().await;

    let expectation = Expectation::for_groups([scene.group()])
        .published_at_least(3000)
        .max_attempts(4)
        .partitions(PARTITIONS);
    let expectation = logs
        .into_iter()
        .fold(expectation, |expectation, (name, log)| {
            expectation.log(&name, log)
        });
    let report = scene.judge(expectation).await;
    let events = scene.events();
    let gap = longest_standstill(&events);
    let looked = samples.len();
    println!(
        "{settings}: {looked} looks at what is committed; longest standstill {gap:?}\n{report}"
    );
    report.assert_ok();
    assert!(gap < STANDSTILL, "nothing was acked for {gap:?}");
    let places = tokio::task::spawn_blocking(move || places::places(&url, &topic));
    let ahead = committed_ahead(&events, &samples, &places.await.expect("no panic"));
    assert!(looked > 20, "only {looked} looks at what is committed");
    assert_eq!(
        ahead,
        Vec::<String>::new(),
        "committed before its handler ended"
    );
}

/// Looks at what a group has committed, again and again.
struct Watch {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Vec<Sample>>,
}

impl Watch {
    fn start(url: &str, topic: &str, group: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, client) = (Arc::clone(&stop), raw::client(url, group));
        let topic = topic.to_owned();
        let task = tokio::task::spawn_blocking(move || {
            let mut samples = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let committed = places::committed(&client, &topic);
                // Taken afterwards: what is found was committed by then.
                samples.push((now_ns(), committed));
                std::thread::sleep(Duration::from_millis(50));
            }
            samples.retain(|(_, committed)| !committed.is_empty());
            samples
        });
        Self { stop, task }
    }

    async fn stop(self) -> Vec<Sample> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("no panic")
    }
}

/// The longest time between the ends of two handlers, from the first to the last.
fn longest_standstill(events: &[Event]) -> Duration {
    let mut ends: Vec<u64> = events
        .iter()
        .filter(|event| matches!(event.what, What::Done { .. }))
        .map(|event| event.at)
        .collect();
    ends.sort_unstable();
    let gaps = ends.windows(2).map(|pair| pair[1] - pair[0]);
    Duration::from_nanos(gaps.max().unwrap_or(u64::MAX))
}

/// The messages that were found committed before their handler had ended, or they had been given back.
fn committed_ahead(
    events: &[Event],
    samples: &[Sample],
    places: &BTreeMap<String, places::Place>,
) -> Vec<String> {
    let mut ended: HashMap<&str, u64> = HashMap::new();
    for event in events {
        let at = match &event.what {
            What::Done { .. } => event.at,
            What::Nack { result, .. } if *result != Settlement::Stale => event.at,
            _ => continue,
        };
        if let Some(id) = event.what.id() {
            let first = ended.entry(id).or_insert(at);
            *first = (*first).min(at);
        }
    }
    let mut ahead = Vec::new();
    for (id, (partition, offset)) in places {
        let found = samples
            .iter()
            .find(|(_, committed)| committed.get(partition).is_some_and(|up_to| offset < up_to));
        let Some((seen, _)) = found else { continue };
        let end = ended.get(id.as_str());
        if end.is_none_or(|end| end > seen) {
            ahead.push(format!(
                "{id} at {partition}/{offset}: seen {seen}, ended {end:?}"
            ));
        }
    }
    ahead
}

#[tokio::test(flavor = "multi_thread")]
async fn classic() {
    case("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consumer() {
    case("&group_protocol=consumer").await;
}
