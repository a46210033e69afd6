//! The default clock: tokio's, which a test can pause.

use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::{Broker, Nack, Received, Settler, Source, SubscribeOptions};
use glmsg_core::{Clock, Message, SystemClock};
use glmsg_memory::{MemoryBroker, MemoryConfig, TokioClock};
use tokio::time::{Instant, advance, timeout};

const SECOND: Duration = Duration::from_secs(1);

async fn recv(source: &mut impl Source) -> Vec<Received> {
    let mut buf = Vec::new();
    source.recv(&mut buf, 10).await.unwrap();
    buf
}

fn options() -> SubscribeOptions {
    SubscribeOptions::new("t", "g").unwrap()
}

#[tokio::test(start_paused = true)]
async fn waits_end_when_something_is_due() {
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
    let mut source = broker.open_source(&options()).await.unwrap();
    let settler = source.settler();
    let start = Instant::now();
    let at = |seconds: u32| {
        let late = Instant::now().duration_since(start + seconds * SECOND);
        assert!(late <= Duration::from_millis(2), "{late:?} late");
    };

    let later = Message::builder("t").delay(60 * SECOND).build().unwrap();
    broker.publish(&[later]).await.unwrap();
    let first = recv(&mut source).await;
    at(60);

    let nack = Nack::retry(first[0].token, 20 * SECOND, "");
    settler.nack(&[nack]).await.unwrap();
    let second = recv(&mut source).await;
    at(80);
    assert_eq!(second[0].attempt, 2);

    let third = recv(&mut source).await;
    at(110);
    assert_eq!(third[0].attempt, 3, "the lease of 30 s ran out");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_member_learns_of_what_is_due_sooner() {
    let broker = MemoryBroker::default();
    let mut a = glmsg_broker::Backend::subscribe(&broker, &options())
        .await
        .unwrap();
    let mut b = glmsg_broker::Backend::subscribe(&broker, &options())
        .await
        .unwrap();
    Broker::publish(&broker, &[Message::new("t", "x").unwrap()])
        .await
        .unwrap();
    let held = recv(&mut a).await;
    let waiting = tokio::spawn(async move { (recv(&mut b).await, Instant::now()) });
    tokio::task::yield_now().await;
    let start = Instant::now();
    let nack = Nack::retry(held[0].token, 5 * SECOND, "");
    a.settler().nack(&[nack]).await.unwrap();
    let (received, at) = waiting.await.unwrap();
    assert_eq!(received[0].attempt, 2);
    let waited = at.duration_since(start);
    assert!(waited >= 5 * SECOND && waited < 6 * SECOND, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn when_the_member_that_watches_the_time_gives_up_another_does() {
    let broker = MemoryBroker::default();
    let mut sources = Vec::new();
    for _ in 0..3 {
        sources.push(
            glmsg_broker::Backend::subscribe(&broker, &options())
                .await
                .unwrap(),
        );
    }
    let [mut a, mut b, mut c] = <[_; 3]>::try_from(sources).unwrap();
    let waiting = tokio::spawn(async move { (recv(&mut c).await, Instant::now()) });
    tokio::task::yield_now().await;
    let start = Instant::now();
    Broker::publish(&broker, &[Message::new("t", "x").unwrap()])
        .await
        .unwrap();
    // Whoever gets it lets its lease run out; the others wait, one of them not for long.
    let mut buf = Vec::new();
    a.recv(&mut buf, 1).await.unwrap();
    let gave_up = timeout(SECOND, b.recv(&mut buf, 1)).await;
    assert!(gave_up.is_err());
    let (received, at) = waiting.await.unwrap();
    assert_eq!(received[0].attempt, 2);
    assert!(at.duration_since(start) < 31 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_clock_runs_with_tokios_timers() {
    let clock = TokioClock::new();
    let before = clock.now();
    advance(90 * SECOND).await;
    assert_eq!(clock.now().since(before), 90 * SECOND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_between_threads() {
    const EACH: usize = 20_000;
    let config = MemoryConfig::default().clock(SystemClock);
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::new(config));
    let mut consumers = Vec::new();
    for _ in 0..3 {
        let mut source = broker.open_source(&options()).await.unwrap();
        consumers.push(tokio::spawn(async move {
            let settler = source.settler();
            let mut ids = Vec::new();
            loop {
                let mut buf = Vec::new();
                if source.recv(&mut buf, 64).await.is_err() {
                    return ids;
                }
                let tokens: Vec<_> = buf.iter().map(|r| r.token).collect();
                if let Ok(settled) = settler.ack(&tokens).await {
                    assert!(settled.iter().all(|s| s.is_current()));
                }
                ids.extend(buf.iter().map(|r| r.message.id()));
            }
        }));
    }
    let publishers: Vec<_> = (0..2)
        .map(|_| {
            let broker = broker.clone();
            tokio::spawn(async move {
                for _ in 0..EACH / 50 {
                    let batch: Vec<_> = (0..50).map(|_| Message::new("t", "x").unwrap()).collect();
                    let outcomes = broker.publish(&batch).await.unwrap();
                    assert!(outcomes.iter().all(glmsg_broker::Published::is_stored));
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let (topic, group) = ("t".try_into().unwrap(), "g".try_into().unwrap());
    while broker.lag(&topic, &group).await.unwrap().total() > 0 {
        tokio::task::yield_now().await;
    }
    broker.close().await.unwrap();
    let mut ids = Vec::new();
    for consumer in consumers {
        ids.extend(consumer.await.unwrap());
    }
    assert_eq!(ids.len(), 2 * EACH);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2 * EACH);
}
