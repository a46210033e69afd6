//! Handlers that do their worst to the consumer runtime, on the memory backend: whatever one
//! message's handler does, the others are handled and nothing is held for ever.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use glmsg_broker::{Broker, Consumer, ConsumerBuilder, HandlerError, Incoming, RetryPolicy};
use glmsg_core::Message;
use glmsg_memory::MemoryBroker;
use tokio::sync::watch;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const MESSAGES: usize = 100;

/// A topic of a hundred messages; the payload of one in fifty is `bad`.
async fn topic(bad_every: usize) -> Arc<dyn Broker> {
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
    let message = |n: usize| {
        let text = if n.is_multiple_of(bad_every) {
            "bad"
        } else {
            "good"
        };
        let message = Message::builder("t").text(text).max_retries(1);
        message.build().expect("a message")
    };
    let messages: Vec<Message> = (0..MESSAGES).map(message).collect();
    let outcomes = broker.publish(&messages).await.expect("is published");
    assert!(outcomes.iter().all(glmsg_broker::Published::is_stored));
    broker
}

fn consumer(broker: &Arc<dyn Broker>) -> ConsumerBuilder {
    Consumer::new(broker.clone(), "t", "g")
        .workers(4)
        .lease(Duration::from_millis(200))
        .retry(RetryPolicy::fixed(Duration::ZERO))
}

fn is_bad(incoming: &Incoming) -> bool {
    &incoming.payload()[..] == b"bad"
}

/// Waits until every message is done or a dead letter; returns how many dead letters there are.
async fn settled(broker: &Arc<dyn Broker>) -> u64 {
    let (topic, group) = (
        "t".try_into().expect("valid"),
        "g".try_into().expect("valid"),
    );
    let settled = async {
        loop {
            let lag = broker.lag(&topic, &group).await.expect("a lag");
            if lag.total() == 0 {
                return lag.dead_letters;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, settled)
        .await
        .expect("everything is settled in the end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_panic_while_an_error_is_classified_is_a_retry() {
    let broker = topic(50).await;
    let policy = RetryPolicy::fixed(Duration::ZERO).classify(|_| panic!("in classify"));
    let consumer = consumer(&broker)
        .retry(policy)
        .start(|incoming: Incoming| async move {
            match is_bad(&incoming) {
                true => Err(HandlerError::from(std::io::Error::other("bad"))),
                false => Ok(()),
            }
        });
    let consumer = consumer.await.expect("starts");
    assert_eq!(settled(&broker).await, 2);
    timeout(PATIENCE, consumer.shutdown())
        .await
        .expect("ends")
        .expect("well");
}

/// Never ready, and panics when it is dropped.
struct Poisonous;

impl Future for Poisonous {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Poisonous {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_panic_while_a_timed_out_handler_is_dropped_is_a_failed_attempt() {
    let broker = topic(50).await;
    let consumer = consumer(&broker).handler_timeout(Duration::from_millis(50));
    let consumer = consumer.start(|incoming: Incoming| async move {
        if is_bad(&incoming) {
            Poisonous.await;
        }
        Ok(())
    });
    let consumer = consumer.await.expect("starts");
    assert_eq!(settled(&broker).await, 2);
    timeout(PATIENCE, consumer.shutdown())
        .await
        .expect("ends")
        .expect("well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_that_blocks_its_thread_stops_no_other_message() {
    let broker = topic(MESSAGES).await;
    let (unblock, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let (good, mut handled) = watch::channel(0);
    let good = Arc::new(good);
    let consumer = consumer(&broker).start(move |incoming: Incoming| {
        let (blocked, good) = (blocked.clone(), good.clone());
        async move {
            match is_bad(&incoming) {
                // Ends when the test lets go of the other end.
                true => drop(blocked.lock().map(|b| b.recv())),
                false => good.send_modify(|n| *n += 1),
            }
            Ok(())
        }
    });
    let consumer = consumer.await.expect("starts");
    let others = handled.wait_for(|n| *n >= MESSAGES - 1);
    timeout(PATIENCE, others)
        .await
        .expect("the others are handled")
        .expect("counted");
    drop(unblock);
    assert_eq!(settled(&broker).await, 0);
    timeout(PATIENCE, consumer.shutdown())
        .await
        .expect("ends")
        .expect("well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lone_handler_that_blocks_its_thread_stops_no_later_message() {
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
    let message = |text: &str| Message::builder("t").text(text).build().expect("a message");
    let (unblock, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let (begun, mut handled) = watch::channel(0);
    let begun = Arc::new(begun);
    // No beat of it comes in time.
    let consumer = consumer(&broker)
        .lease(10 * PATIENCE)
        .start(move |incoming: Incoming| {
            let (blocked, begun) = (blocked.clone(), begun.clone());
            async move {
                begun.send_modify(|n| *n += 1);
                if is_bad(&incoming) {
                    // Ends when the test lets go of the other end.
                    drop(blocked.lock().map(|b| b.recv()));
                }
                Ok(())
            }
        });
    let consumer = consumer.await.expect("starts");
    for (before, text) in (0..).zip(["good", "bad", "good", "good"]) {
        let published = broker.publish(&[message(text)]).await.expect("an answer");
        assert!(published[0].is_stored());
        let begins = handled.wait_for(|n| *n > before);
        let begins = timeout(PATIENCE, begins).await;
        begins.expect("a handler begins").expect("counted");
    }
    drop(unblock);
    assert_eq!(settled(&broker).await, 0);
    let ended = timeout(PATIENCE, consumer.shutdown()).await;
    let report = ended.expect("ends").expect("well");
    assert_eq!(report.stats.received, 4, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_may_wait_for_ever() {
    let broker = topic(MESSAGES).await;
    let consumer = consumer(&broker).drain_timeout(Duration::MAX);
    let consumer = consumer
        .start(|_: Incoming| async { Ok(()) })
        .await
        .expect("starts");
    assert_eq!(settled(&broker).await, 0);
    timeout(PATIENCE, consumer.shutdown())
        .await
        .expect("ends")
        .expect("well");
}
