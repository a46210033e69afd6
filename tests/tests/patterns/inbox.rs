//! An idempotent inbox, on every backend that has a storage; the others say so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg_broker::{Broker, Consumer, HandlerError, Incoming, RetryPolicy};
use glmsg_conformance::Fixture;
use glmsg_core::{ErrorKind, Message};
use glmsg_patterns::inbox::{Claim, ClaimGuard, Inbox};

const PATIENCE: Duration = Duration::from_secs(60);

/// A lease that no case outlives, and one that is soon over.
const LONG: Duration = Duration::from_secs(300);
const SHORT: Duration = Duration::from_secs(2);

/// The inbox of a group; `None` if the backend says that it has no storage, as it declares.
async fn inbox<F: Fixture>(broker: &Arc<dyn Broker>, lease: Duration) -> Option<Inbox> {
    let opened = Inbox::builder("billing").claim_lease(lease).open(broker);
    match opened.await {
        Ok(inbox) => Some(inbox),
        Err(error) => {
            assert!(!F::capability().storage, "{error}");
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            None
        }
    }
}

async fn claim(inbox: &Inbox, key: &str) -> Option<ClaimGuard> {
    match inbox.claim(key).await.expect("an answer") {
        Claim::New(claim) => Some(claim),
        _ => None,
    }
}

/// Waits until a key can be claimed.
async fn wait_for(inbox: &Inbox, key: &str) -> ClaimGuard {
    let waiting = async {
        loop {
            if let Some(claim) = claim(inbox, key).await {
                return claim;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("the key comes free")
}

/// Of many who claim a key at a time, on two handles of the broker, exactly one gets it.
pub(crate) async fn of_many_claims_one_wins<F: Fixture>(f: F) {
    let handles = [f.broker().await, f.broker().await];
    let Some(one) = inbox::<F>(&handles[0], LONG).await else {
        return;
    };
    let two = inbox::<F>(&handles[1], LONG).await.expect("as the first");
    for key in ["a", "b", "c"] {
        let claims: Vec<_> = (0..20)
            .map(|n| {
                let inbox = if n % 2 == 0 { &one } else { &two }.clone();
                tokio::spawn(async move { claim(&inbox, key).await })
            })
            .collect();
        let mut won = Vec::new();
        for claim in claims {
            won.extend(claim.await.expect("no panic"));
        }
        assert_eq!(won.len(), 1, "claims of {key}");
        for claim in won {
            claim.done().await.expect("marked");
        }
        assert!(two.is_done(key).await.expect("an answer"));
    }
}

/// What is done is done, for all members of the group and for no other group.
pub(crate) async fn what_is_done_is_not_handled_again<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let Some(billing) = inbox::<F>(&broker, LONG).await else {
        return;
    };
    let first = claim(&billing, "order-1").await.expect("it is new");
    first.done().await.expect("marked");
    assert!(matches!(billing.claim("order-1").await, Ok(Claim::Done)));
    let shipping = Inbox::open(&broker, "shipping").await.expect("opens");
    claim(&shipping, "order-1")
        .await
        .expect("new to this group")
        .release()
        .await
        .expect("given back");
    billing.forget("order-1").await.expect("forgotten");
    assert!(claim(&billing, "order-1").await.is_some());
}

/// A claim is renewed while its holder lives, and lapses when it has died.
pub(crate) async fn a_claim_of_the_dead_lapses<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let Some(inbox) = inbox::<F>(&broker, SHORT).await else {
        return;
    };
    let living = claim(&inbox, "living").await.expect("it is new");
    // What this runtime does ends where it is.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime starts");
    let dies = inbox.clone();
    let dead = runtime.spawn(async move { claim(&dies, "dead").await });
    let dead = dead.await.expect("no panic").expect("it is new");
    runtime.shutdown_background();
    assert!(matches!(inbox.claim("dead").await, Ok(Claim::Held { .. })));
    let taken = wait_for(&inbox, "dead").await;
    taken.done().await.expect("marked");
    let late = dead.done().await.expect_err("it is not his any more");
    assert_eq!(late.kind(), ErrorKind::Conflict);
    assert!(claim(&inbox, "living").await.is_none(), "it is renewed");
    living.done().await.expect("marked");
}

/// Who stood still for longer than the claim cannot mark, or give back, what another has by now.
pub(crate) async fn a_claim_that_was_taken_over_is_worth_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let Some(inbox) = inbox::<F>(&broker, SHORT).await else {
        return;
    };
    let stands_still = || {
        let inbox = inbox.clone();
        async move {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime starts");
            let claiming = runtime.spawn(async move { claim(&inbox, "order").await });
            let claim = claiming.await.expect("no panic").expect("it is new");
            // Nobody renews it.
            runtime.shutdown_background();
            claim
        }
    };
    let one = stands_still().await;
    let other = wait_for(&inbox, "order").await;
    let released = one.release().await.expect_err("it is another's");
    assert_eq!(released.kind(), ErrorKind::Conflict);
    assert!(claim(&inbox, "order").await.is_none(), "the other has it");
    other.release().await.expect("given back");
    let two = stands_still().await;
    let other = wait_for(&inbox, "order").await;
    let done = two.done().await.expect_err("it is another's");
    assert_eq!(done.kind(), ErrorKind::Conflict);
    assert!(!inbox.is_done("order").await.expect("an answer"));
    other.done().await.expect("marked");
}

/// What was done is remembered for the window, and no longer.
pub(crate) async fn the_window_passes<F: Fixture>(f: F) {
    let broker = f.broker().await;
    if inbox::<F>(&broker, LONG).await.is_none() {
        return;
    }
    let builder = Inbox::builder("short").window(Duration::from_secs(1));
    let builder = builder.claim_lease(Duration::from_millis(100));
    let short = builder.open(&broker).await.expect("opens");
    let first = claim(&short, "order").await.expect("it is new");
    first.done().await.expect("marked");
    let again = wait_for(&short, "order").await;
    again.done().await.expect("marked");
}

/// A handler that fails is tried again; one that has succeeded is not.
pub(crate) async fn a_failure_gives_the_key_back<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let Some(inbox) = inbox::<F>(&broker, LONG).await else {
        return;
    };
    let order = Message::text("orders", "4711").expect("a valid message");
    broker.publish(&[order]).await.expect("published");
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let log = attempts.clone();
    let consumer = Consumer::new(broker.clone(), "orders", "billing");
    let consumer = consumer.retry(RetryPolicy::fixed(Duration::ZERO));
    let consumer = inbox.consumer(consumer).start(move |order: Incoming| {
        let mut log = log.lock().expect("no panic");
        log.push(order.attempt());
        let fails = log.len() < 3;
        async move {
            match fails {
                true => Err(HandlerError::retry("not yet")),
                false => Ok(()),
            }
        }
    });
    let consumer = consumer.await.expect("starts");
    let handled = async {
        while consumer.consumer().stats().handled < 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, handled)
        .await
        .expect("handled");
    consumer.shutdown().await.expect("drains");
    assert_eq!(*attempts.lock().expect("no panic"), [1, 2, 3]);
}

/// 60 orders, each published three times under ids of its own, for two consumers: each is handled
/// once.
pub(crate) async fn a_message_that_comes_thrice_is_handled_once<F: Fixture>(f: F) {
    const ORDERS: usize = 60;
    let handles = [f.broker().await, f.broker().await];
    if inbox::<F>(&handles[0], LONG).await.is_none() {
        return;
    }
    let handled = Arc::new(Mutex::new(BTreeMap::new()));
    let mut consumers = Vec::new();
    for broker in &handles {
        let inbox = inbox::<F>(broker, LONG).await.expect("as before");
        let log = handled.clone();
        let consumer = inbox
            .consumer(Consumer::new(broker.clone(), "orders", "billing").prefetch(10))
            .key(|order| order.header("order-number").map(str::to_owned))
            .start(move |order: Incoming| {
                let number = order.header("order-number").expect("a number").to_owned();
                *log.lock().expect("no panic").entry(number).or_insert(0) += 1;
                async { Ok(()) }
            });
        consumers.push(consumer.await.expect("starts"));
    }
    for _ in 0..3 {
        let order = |n: usize| Message::builder("orders").header("order-number", &n.to_string());
        let orders: Vec<_> = (0..ORDERS)
            .map(|n| order(n).build().expect("a valid message"))
            .collect();
        handles[0].publish(&orders).await.expect("published");
    }
    let done = async {
        let acked = || consumers.iter().map(|c| c.consumer().stats().handled);
        while acked().sum::<u64>() < 3 * ORDERS as u64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, done)
        .await
        .expect("all are acked");
    let skipped: u64 = consumers.iter().map(|c| c.stats().skipped).sum();
    assert_eq!(skipped, 2 * ORDERS as u64);
    for consumer in consumers {
        consumer.shutdown().await.expect("drains");
    }
    let handled = handled.lock().expect("no panic");
    assert_eq!(handled.len(), ORDERS);
    assert!(handled.values().all(|times| *times == 1), "{handled:?}");
}
