//! On default settings: what was not acked comes again within the session time-out and five seconds, and all
//! subscriptions of a process work soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use glmsg::{Broker, Consumer, HandlerError, Incoming, Message, MessageId};
use glmsg_faults::check::{Expectation, Partitions};
use glmsg_faults::ledger::{Event, What};
use glmsg_faults::{services, until};
use glmsg_tests::traffic::{Consumption, Crew, Duty, Mix, Publication, Publisher, Scene};

const TRAFFIC: &str = env!("CARGO_BIN_EXE_traffic");
const TOPIC: &str = "orders";

/// The session time-out is ten seconds by default.
const AGAIN: Duration = Duration::from_secs(10 + 5);
/// How long what must happen is waited for before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

fn url() -> String {
    let namespace = format!("d-{}", MessageId::new());
    format!("{}?namespace={namespace}", services::get("KAFKA_URL"))
}

/// One process, then another, each of which handles all at once.
fn consumption() -> Consumption {
    Consumption {
        workers: 32,
        // By default.
        lease: Duration::from_secs(30),
        ..Consumption::default()
    }
}

fn received(events: &[Event], attempts: std::ops::RangeInclusive<u32>) -> Vec<&Event> {
    let is_one = |event: &&Event| match &event.what {
        What::Recv { attempt, .. } => attempts.contains(attempt),
        _ => false,
    };
    events.iter().filter(is_one).collect()
}

fn moment_of_crash(events: &[Event]) -> u64 {
    let crash = events.iter().find(|event| event.what == What::Crash);
    crash.expect("it was killed").at
}

fn expectation(scene: &Scene) -> Expectation {
    Expectation::for_groups([scene.group()])
        .max_attempts(4)
        .partitions(Partitions {
            commit: Duration::from_secs(1),
            rebalance: Duration::from_secs(20),
        })
}

async fn publish(scene: &Scene, duty: Duty, messages: u64) {
    let publication = Publication {
        mix: Mix::default().with(10_000, duty),
        messages: Some(messages),
        ..Publication::default()
    };
    let published = Publisher::start(scene, "publisher", &publication);
    assert_eq!(published.join().await, messages);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_held_comes_again() {
    let scene = Scene::new(&url());
    // The first time it takes longer than all else here.
    publish(&scene, Duty::SlowFail(120_000), 20).await;
    let crew = Crew::hire(1, TRAFFIC, &scene, &consumption());
    until("the process has all", PATIENCE, || async {
        received(&scene.events(), 1..=1).len() == 20
    })
    .await;
    crew.kill(0).await;
    scene.quiet(PATIENCE).await;
    crew.dismiss().await;
    let events = scene.events();
    let crash = moment_of_crash(&events);
    let later = received(&events, 1..=4);
    let later = later.iter().filter(|event| event.at > crash);
    let last = later.map(|event| event.at).max().expect("it came again");
    let took = Duration::from_nanos(last - crash);
    println!("all came again {took:?} after the kill");
    let report = scene
        .judge(expectation(&scene).published_at_least(20))
        .await;
    println!("{report}");
    report.assert_ok();
    assert!(report.counts.redelivered >= 20, "{report}");
    assert!(took <= AGAIN, "the last came again only after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_is_not_due_survives_its_process() {
    let scene = Scene::new(&url());
    publish(&scene, Duty::Fail(1), 20).await;
    let delay = Duration::from_secs(8);
    let consumption = Consumption {
        retry: vec![delay],
        ..consumption()
    };
    let crew = Crew::hire(1, TRAFFIC, &scene, &consumption);
    let broker = scene.connect().await;
    let (topic, group) = scene.names();
    // Each waits, and is no longer where it was.
    until("all wait for their next attempt", PATIENCE, || async {
        // There is no such group before the process has come.
        let lag = broker.lag(&topic, &group).await;
        lag.is_ok_and(|lag| (lag.delayed, lag.total()) == (20, 20))
    })
    .await;
    crew.kill(0).await;
    scene.quiet(PATIENCE).await;
    crew.dismiss().await;
    let events = scene.events();
    let last = received(&events, 1..=4).iter().map(|event| event.at).max();
    let took = Duration::from_nanos(last.expect("messages") - moment_of_crash(&events));
    println!("all came again {took:?} after the kill, with a delay of {delay:?}");
    let report = scene
        .judge(expectation(&scene).published_at_least(20))
        .await;
    println!("{report}");
    report.assert_ok();
    assert!(
        took <= delay + AGAIN,
        "the last came again only after {took:?}"
    );
}

/// Messages whose first attempt goes wrong, on the retry policy that is the default.
async fn goes_wrong(
    how: impl Fn() -> Result<(), HandlerError> + Send + Sync + 'static,
) -> (Duration, Arc<dyn Broker>) {
    let broker = glmsg::connect(&url()).await.expect("the cluster answers");
    let (how, done) = (Arc::new(how), Arc::new(AtomicU32::new(0)));
    let first = Arc::new(std::sync::Mutex::new(None::<Instant>));
    let last = Arc::new(std::sync::Mutex::new(None::<Instant>));
    let handler = {
        let (done, first, last) = (done.clone(), first.clone(), last.clone());
        move |incoming: Incoming| {
            let (how, done) = (how.clone(), done.clone());
            let (first, last) = (first.clone(), last.clone());
            async move {
                if incoming.attempt() == 1 {
                    first
                        .lock()
                        .expect("no panic")
                        .get_or_insert_with(Instant::now);
                    return how();
                }
                *last.lock().expect("no panic") = Some(Instant::now());
                done.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        }
    };
    let consumer = Consumer::new(broker.clone(), TOPIC, "workers");
    let consumer = consumer.start(handler).await.expect("it starts");
    let messages: Vec<Message> = (0..20)
        .map(|_| Message::new(TOPIC, "x").expect("a valid message"))
        .collect();
    broker.publish(&messages).await.expect("outcomes");
    until("all are done", PATIENCE, || async {
        done.load(Ordering::Relaxed) >= 20
    })
    .await;
    consumer.shutdown().await.expect("it ends");
    let (topic, group) = (
        TOPIC.try_into().expect("a name"),
        "workers".try_into().expect("a name"),
    );
    let lag = broker.lag(&topic, &group).await.expect("a lag");
    assert_eq!((lag.total(), lag.dead_letters), (0, 0), "{lag:?}");
    let moment =
        |of: &std::sync::Mutex<Option<Instant>>| of.lock().expect("no panic").expect("set");
    (moment(&last) - moment(&first), broker)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_handler_failed_comes_again() {
    let (took, broker) = goes_wrong(|| Err(HandlerError::retry("as asked"))).await;
    assert!(took <= AGAIN, "the last came again only after {took:?}");
    broker.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_handler_panicked_on_comes_again() {
    let (took, broker) = goes_wrong(|| panic!("as asked")).await;
    assert!(took <= AGAIN, "the last came again only after {took:?}");
    broker.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_subscriptions_of_a_process_work_within_five_seconds() {
    let broker = glmsg::connect(&url()).await.expect("the cluster answers");
    let publishing = tokio::spawn({
        let broker = broker.clone();
        async move {
            loop {
                let message = || Message::new(TOPIC, "x").expect("a valid message");
                let messages: Vec<Message> = std::iter::repeat_with(message).take(20).collect();
                broker.publish(&messages).await.expect("outcomes");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let begun = Instant::now();
    let mut consumers = Vec::new();
    let mut handled = Vec::new();
    for _ in 0..10 {
        let count = Arc::new(AtomicU32::new(0));
        handled.push(count.clone());
        let handler = move |_: Incoming| {
            let count = count.clone();
            async move {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(())
            }
        };
        let consumer = Consumer::new(broker.clone(), TOPIC, "workers");
        consumers.push(consumer.start(handler).await.expect("it starts"));
    }
    until("everybody has handled a message", PATIENCE, || async {
        handled
            .iter()
            .all(|count| count.load(Ordering::Relaxed) > 0)
    })
    .await;
    let took = begun.elapsed();
    publishing.abort();
    for consumer in consumers {
        consumer.shutdown().await.expect("it ends");
    }
    println!("ten subscriptions work after {took:?}");
    assert!(took <= Duration::from_secs(5), "not all before {took:?}");
    broker.close().await.expect("it closes");
}
