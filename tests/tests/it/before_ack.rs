//! Work that is done before messages are acked, once for many, on the memory backend.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg_broker::{Broker, Consumer, Incoming};
use glmsg_core::{Error, ErrorKind, GroupName, Message, MessageId, TopicName};
use glmsg_faults::until;
use glmsg_memory::MemoryBroker;
use tokio::sync::Semaphore;

const PATIENCE: Duration = Duration::from_secs(30);
const MESSAGES: usize = 100;

/// A broker with a topic of a hundred messages, and their ids.
async fn topic() -> (Arc<dyn Broker>, BTreeSet<MessageId>) {
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
    let message = |n: usize| Message::new(name(), n.to_string()).expect("a message");
    let messages: Vec<Message> = (0..MESSAGES).map(message).collect();
    broker.publish(&messages).await.expect("is published");
    (broker, messages.iter().map(Message::id).collect())
}

fn name() -> TopicName {
    TopicName::new("t").expect("a valid name")
}

async fn in_flight_and_left(broker: &Arc<dyn Broker>) -> (u64, u64) {
    let group = GroupName::new("g").expect("a valid name");
    let lag = broker.lag(&name(), &group).await.expect("a lag");
    (lag.in_flight, lag.total())
}

/// What handlers have left to be done, and what was done of it.
#[derive(Default)]
struct Desk {
    left: Mutex<Vec<MessageId>>,
    done: Mutex<Vec<MessageId>>,
    calls: AtomicUsize,
}

impl Desk {
    fn leave(&self, id: MessageId) {
        self.left.lock().expect("no panic").push(id);
    }

    fn work(&self) {
        let left = std::mem::take(&mut *self.left.lock().expect("no panic"));
        self.done.lock().expect("no panic").extend(left);
    }

    fn done(&self) -> BTreeSet<MessageId> {
        self.done
            .lock()
            .expect("no panic")
            .iter()
            .copied()
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acked_before_it_is_done_and_failures_that_pass_are_tried_again() {
    let (broker, ids) = topic().await;
    let (desk, gate) = (Arc::new(Desk::default()), Arc::new(Semaphore::new(0)));
    let (leaving, working, held) = (desk.clone(), desk.clone(), gate.clone());
    let consumer = Consumer::new(broker.clone(), "t", "g")
        .workers(4)
        .before_ack(move || {
            let (desk, held) = (working.clone(), held.clone());
            async move {
                drop(held.acquire().await);
                if desk.calls.fetch_add(1, Ordering::SeqCst) < 2 {
                    return Err(Error::new(ErrorKind::Unavailable, "not now"));
                }
                desk.work();
                Ok(())
            }
        });
    let consumer = consumer.start(move |incoming: Incoming| {
        leaving.leave(incoming.id());
        async { Ok(()) }
    });
    let consumer = consumer.await.expect("starts");
    until("all are handled", PATIENCE, || async {
        desk.left.lock().expect("no panic").len() == MESSAGES
    })
    .await;
    let all = MESSAGES as u64;
    assert_eq!(
        in_flight_and_left(&broker).await,
        (all, all),
        "none is acked"
    );
    gate.add_permits(1);
    until("all are acked", PATIENCE, || async {
        in_flight_and_left(&broker).await == (0, 0)
    })
    .await;
    assert_eq!(desk.done(), ids);
    let calls = desk.calls.load(Ordering::SeqCst);
    assert!(calls < MESSAGES / 2, "{calls} calls for {MESSAGES}");
    consumer.shutdown().await.expect("ends well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_for_good_ends_the_consumer_and_loses_nothing() {
    let (broker, ids) = topic().await;
    let failing = Consumer::new(broker.clone(), "t", "g")
        .lease(Duration::from_millis(200))
        .before_ack(|| async { Err(Error::new(ErrorKind::PermissionDenied, "never")) });
    let failing = failing.start(|_: Incoming| async { Ok(()) });
    let mut failing = failing.await.expect("starts");
    let ended = tokio::time::timeout(PATIENCE, failing.ended()).await;
    let error = ended.expect("it ends").expect_err("by what failed");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");

    let seen = Arc::new(Desk::default());
    let noting = seen.clone();
    let consumer = Consumer::new(broker.clone(), "t", "g").start(move |incoming: Incoming| {
        noting.leave(incoming.id());
        async { Ok(()) }
    });
    let consumer = consumer.await.expect("starts");
    until("all are acked", PATIENCE, || async {
        in_flight_and_left(&broker).await == (0, 0)
    })
    .await;
    seen.work();
    assert_eq!(seen.done(), ids, "they come again");
    consumer.shutdown().await.expect("ends well");
}
