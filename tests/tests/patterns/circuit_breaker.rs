//! A consumer behind a breaker, on every backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use glmsg_broker::{Broker, Consumer, DeadLetterQuery, HandlerError, Incoming, RetryPolicy};
use glmsg_conformance::Fixture;
use glmsg_core::{GroupName, Message, MessageId, TopicName};
use glmsg_patterns::circuit_breaker::{CircuitBreaker, CircuitState};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    let seconds = PATIENCE.as_secs();
    match tokio::time::timeout(PATIENCE, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {seconds} s in vain for {what}"),
    }
}

fn names() -> (TopicName, GroupName) {
    let topic = TopicName::new("orders").expect("a valid name");
    (topic, GroupName::new("billing").expect("a valid name"))
}

async fn publish(broker: &Arc<dyn Broker>, count: usize) -> Vec<MessageId> {
    let (topic, _) = names();
    let message = |n: usize| {
        Message::builder(&topic)
            .payload(n.to_string())
            .max_retries(0)
    };
    let messages: Vec<_> = (0..count)
        .map(|n| message(n).build().expect("a valid message"))
        .collect();
    for part in messages.chunks(100) {
        for outcome in broker.publish(part).await.expect("published") {
            outcome.into_result().expect("stored");
        }
    }
    messages.iter().map(Message::id).collect()
}

async fn assert_nothing_is_left(broker: &Arc<dyn Broker>) {
    let (topic, group) = names();
    let query = DeadLetterQuery::new(topic.clone(), group.clone());
    let dead = broker.dead_letters(&query).await.expect("a list").items;
    assert!(
        dead.is_empty(),
        "{} dead letters: {:?}",
        dead.len(),
        dead[0]
    );
    let lag = broker.lag(&topic, &group).await.expect("the lag");
    assert_eq!(lag.total(), 0, "{lag:?}");
}

/// 1 000 messages that allow one attempt each, and a dependency that is down for a while in their
/// midst: none becomes a dead letter, all are handled, each in its first attempt.
pub(crate) async fn an_outage_spends_no_attempt<F: Fixture>(f: F) {
    const COUNT: usize = 1_000;
    let broker = f.broker().await;
    let sent = publish(&broker, COUNT).await;
    let breaker = CircuitBreaker::builder("ledger")
        .timeout(Duration::from_millis(150))
        .build()
        .expect("sensible bounds");
    let mut events = breaker.events();
    let is_down = Arc::new(AtomicBool::new(false));
    let (done, mut handled) = mpsc::unbounded_channel();
    let (failed, down) = (Arc::new(AtomicU64::new(0)), is_down.clone());
    let failures = failed.clone();
    // Retries are at once, so that attempts would be gone in no time.
    let (topic, group) = names();
    let consumer = Consumer::new(broker.clone(), topic, group)
        .workers(8)
        .retry(RetryPolicy::fixed(Duration::ZERO));
    let consumer = breaker.consumer(consumer).start(move |order: Incoming| {
        let (done, down, failures) = (done.clone(), down.clone(), failures.clone());
        async move {
            // A call of the dependency, which takes a moment.
            tokio::time::sleep(Duration::from_millis(1)).await;
            if down.load(Ordering::SeqCst) {
                failures.fetch_add(1, Ordering::SeqCst);
                return Err(HandlerError::retry("the ledger does not answer"));
            }
            done.send((order.id(), order.attempt()))?;
            Ok(())
        }
    });
    let consumer = consumer.await.expect("starts");

    let mut seen = Vec::new();
    while seen.len() < 200 {
        seen.push(within("an order", handled.recv()).await.expect("it runs"));
    }
    is_down.store(true, Ordering::SeqCst);
    // It opens, probes and opens again, three times over.
    let mut opened = 0;
    while opened < 4 {
        let event = within("a change", events.recv())
            .await
            .expect("a few events");
        assert_ne!(event.to, CircuitState::Closed, "the ledger is down");
        opened += u32::from(event.to == CircuitState::Open);
    }
    is_down.store(false, Ordering::SeqCst);
    while seen.len() < COUNT {
        seen.push(within("an order", handled.recv()).await.expect("it runs"));
    }
    let report = within("the drain", consumer.shutdown())
        .await
        .expect("drains");
    assert_nothing_is_left(&broker).await;
    let failed = failed.load(Ordering::SeqCst);
    println!("{failed} failures, {} given back", report.stats.released);
    assert!(failed >= 5, "the breaker opened by failures");
    assert_eq!(report.stats.failed, 0, "no attempt failed for the broker");
    seen.sort();
    let mut expected: Vec<_> = sent.into_iter().map(|id| (id, 1)).collect();
    expected.sort();
    assert_eq!(seen, expected, "each message once, as attempt one");
}

/// Half open, no more messages are in the handlers' hands than there are probes, however many
/// workers there are.
pub(crate) async fn probes_of_a_consumer_are_bounded<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let breaker = CircuitBreaker::builder("ledger")
        .failure_threshold(1)
        .timeout(Duration::from_millis(50))
        .build()
        .expect("sensible bounds");
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let rounds = Arc::new(AtomicU32::new(0));
    let (running, peak, round) = (now.clone(), most.clone(), rounds.clone());
    let probing = breaker.clone();
    let (topic, group) = names();
    let consumer = Consumer::new(broker.clone(), topic, group).workers(16);
    // Opened by hand first, so that every call is a probe.
    breaker.try_acquire().expect("closed").failure();
    let consumer = breaker.consumer(consumer).start(move |_: Incoming| {
        let (running, peak, round) = (running.clone(), peak.clone(), round.clone());
        let probing = probing.clone();
        async move {
            let others = running.fetch_add(1, Ordering::SeqCst);
            if probing.state() == CircuitState::HalfOpen {
                peak.fetch_max(others + 1, Ordering::SeqCst);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            match round.fetch_add(1, Ordering::SeqCst) {
                0..9 => Err(HandlerError::retry("down")),
                _ => Ok(()),
            }
        }
    });
    let consumer = consumer.await.expect("starts");
    publish(&broker, 60).await;
    let mut states = breaker.watch();
    let closed = states.wait_for(|state| *state == CircuitState::Closed);
    let closed = within("the breaker to close", closed).await;
    drop(closed.expect("it is there"));
    assert_eq!(most.load(Ordering::SeqCst), 3, "probes at a time");
    assert!(
        rounds.load(Ordering::SeqCst) >= 12,
        "it closed when three had succeeded"
    );
    within("all orders", async {
        while consumer.stats().handled < 60 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    within("the drain", consumer.shutdown())
        .await
        .expect("drains");
    assert_nothing_is_left(&broker).await;
}

/// Of two consumers of a group, each behind a breaker of its own, the one whose dependency is there
/// handles what the other gives back.
pub(crate) async fn others_of_the_group_go_on<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = publish(&broker, 200).await;
    let (topic, group) = names();
    let builder = || Consumer::new(broker.clone(), topic.clone(), group.clone());
    let cut_off = CircuitBreaker::new("here");
    let without = cut_off
        .consumer(builder())
        .start(|_: Incoming| async { Err(HandlerError::retry("cut off")) });
    let without = without.await.expect("starts");
    let mut states = cut_off.watch();
    let opened = states.wait_for(|state| *state == CircuitState::Open);
    drop(
        within("the breaker to open", opened)
            .await
            .expect("it is there"),
    );
    let (done, mut handled) = mpsc::unbounded_channel();
    let with = CircuitBreaker::new("there")
        .consumer(builder())
        .start(move |order: Incoming| {
            let sent = done.send((order.id(), order.attempt()));
            async move { Ok(sent?) }
        });
    let with = with.await.expect("starts");
    let mut seen = Vec::new();
    while seen.len() < sent.len() {
        seen.push(within("an order", handled.recv()).await.expect("it runs"));
    }
    within("the drain", without.shutdown())
        .await
        .expect("drains");
    within("the drain", with.shutdown()).await.expect("drains");
    seen.sort();
    let mut expected: Vec<_> = sent.into_iter().map(|id| (id, 1)).collect();
    expected.sort();
    assert_eq!(seen, expected, "each message once, as attempt one");
    assert_nothing_is_left(&broker).await;
}
