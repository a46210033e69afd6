//! A consumer behind a breaker, on the memory broker.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use glmsg_broker::{Broker, Consumer, DeadLetterQuery, HandlerError, Incoming, RetryPolicy};
use glmsg_core::{DeadLetterReason, Message};
use glmsg_memory::MemoryBroker;

use super::*;

const PATIENCE: Duration = Duration::from_secs(3600);

fn broker() -> Arc<dyn Broker> {
    Arc::new(MemoryBroker::default())
}

async fn publish(broker: &Arc<dyn Broker>, texts: &[&str]) {
    let messages: Vec<_> = texts
        .iter()
        .map(|text| Message::text("t", *text).unwrap())
        .collect();
    for outcome in broker.publish(&messages).await.unwrap() {
        outcome.into_result().unwrap();
    }
}

/// A message that fails while all others succeed is retried and dead-lettered as without a breaker.
#[tokio::test(start_paused = true)]
async fn a_message_that_fails_by_itself_ends_as_a_dead_letter() {
    let broker = broker();
    publish(&broker, &["poison"]).await;
    let breaker = CircuitBreaker::new("d");
    let tries = Arc::new(AtomicU32::new(0));
    let tried = tries.clone();
    let consumer = Consumer::new(broker.clone(), "t", "g").retry(RetryPolicy::fixed(MINUTE / 60));
    let consumer = breaker.consumer(consumer).start(move |m: Incoming| {
        let poison = &m.payload()[..] == b"poison";
        tried.fetch_add(u32::from(poison), Ordering::SeqCst);
        async move {
            match poison {
                true => Err(HandlerError::retry("no")),
                false => Ok(()),
            }
        }
    });
    let consumer = consumer.await.unwrap();
    let query = DeadLetterQuery::new("t".parse().unwrap(), "g".parse().unwrap());
    let dead = tokio::time::timeout(PATIENCE, async {
        loop {
            publish(&broker, &["fine"; 3]).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let page = broker.dead_letters(&query).await.unwrap();
            if let Some(dead) = page.items.into_iter().next() {
                return dead;
            }
        }
    });
    let dead = dead.await.expect("it dies within an hour");
    assert_eq!(dead.reason, DeadLetterReason::MaxRetries);
    // One more than it has attempts: the first was given back.
    assert!(tries.load(Ordering::SeqCst) >= 5);
    consumer.shutdown().await.unwrap();
}

/// A rejection is the message's own affair, whatever the breaker.
#[tokio::test(start_paused = true)]
async fn a_rejection_is_settled_as_without_a_breaker() {
    let broker = broker();
    publish(&broker, &["bad"; 20]).await;
    let breaker = CircuitBreaker::new("d");
    let consumer = breaker
        .consumer(Consumer::new(broker.clone(), "t", "g"))
        .start(|_: Incoming| async { Err(HandlerError::reject("never")) });
    let consumer = consumer.await.unwrap();
    let dead = async {
        while consumer.stats().dead_lettered < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, dead).await.unwrap();
    assert_eq!(breaker.state(), CircuitState::Closed);
    consumer.shutdown().await.unwrap();
}

/// A handler that hangs is stopped by the breaker's bound, and its message is given back.
#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_opens_the_breaker_and_spends_no_attempt() {
    let broker = broker();
    publish(&broker, &["m"; 8]).await;
    let builder = CircuitBreaker::builder("d").call_timeout(MINUTE);
    let breaker = builder.build().unwrap();
    let hangs = Arc::new(AtomicBool::new(true));
    let most = Arc::new(AtomicU32::new(0));
    let (hang, attempts) = (hangs.clone(), most.clone());
    let consumer = Consumer::new(broker.clone(), "t", "g");
    let consumer = breaker.consumer(consumer).start(move |m: Incoming| {
        let hang = hang.load(Ordering::SeqCst);
        attempts.fetch_max(m.attempt(), Ordering::SeqCst);
        async move {
            if hang {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    });
    let consumer = consumer.await.unwrap();
    let mut states = breaker.watch();
    let opened = states.wait_for(|state| *state == CircuitState::Open);
    tokio::time::timeout(PATIENCE, opened)
        .await
        .unwrap()
        .unwrap();
    hangs.store(false, Ordering::SeqCst);
    let done = async {
        while consumer.stats().handled < 8 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 1, "no attempt was spent");
    assert_eq!(breaker.metrics().timed_out, breaker.metrics().failures);
    consumer.shutdown().await.unwrap();
}

/// A drain while the breaker is open or half open ends, and strands nothing.
#[tokio::test(start_paused = true)]
async fn a_consumer_behind_an_open_breaker_drains() {
    let broker = broker();
    publish(&broker, &["m"; 8]).await;
    let breaker = CircuitBreaker::new("d");
    let consumer = breaker
        .consumer(Consumer::new(broker.clone(), "t", "g"))
        .start(|_: Incoming| async { Err(HandlerError::retry("down")) });
    let consumer = consumer.await.unwrap();
    let mut states = breaker.watch();
    let opened = states.wait_for(|state| *state == CircuitState::Open);
    tokio::time::timeout(PATIENCE, opened)
        .await
        .unwrap()
        .unwrap();
    assert!(consumer.is_paused());
    tokio::time::timeout(PATIENCE, consumer.shutdown())
        .await
        .unwrap()
        .unwrap();
    let (topic, group) = ("t".parse().unwrap(), "g".parse().unwrap());
    let lag = broker.lag(&topic, &group).await.unwrap();
    assert_eq!((lag.total(), lag.in_flight), (8, 0));
}
