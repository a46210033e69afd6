//! How much is handled at a time, and how it stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use glmsg_broker::{CancellationToken, HandlerError, Incoming};
use glmsg_conformance::Fixture;
use glmsg_faults::until;
use glmsg_patterns::pub_sub::PubSub;
use tokio::sync::Semaphore;

use super::{OFTEN, PATIENCE, Seen, eager, publish_plainly};

/// Of all topics together no more is handled at a time than was asked for, and as much as that;
/// it can be changed while it runs.
pub(crate) async fn topics_share_the_handlers<F: Fixture>(f: F) {
    let broker = f.broker().await;
    for topic in ["t.a", "t.b", "t.c", "t.d"] {
        publish_plainly(&broker, topic, 0..20).await;
    }
    let bus = PubSub::new(broker);
    let (gate, active) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let most = Arc::new(AtomicUsize::new(0));
    let (held, now, high) = (gate.clone(), active.clone(), most.clone());
    let handler = move |_: Incoming| {
        let (held, now, high) = (held.clone(), now.clone(), high.clone());
        async move {
            let running = now.fetch_add(1, Ordering::SeqCst) + 1;
            high.fetch_max(running, Ordering::SeqCst);
            held.acquire().await?.forget();
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    };
    let handle = eager(&bus, "t.*", "all").concurrency(3).start(handler);
    let handle = handle.await.expect("it starts");
    let running_is = async |n: usize| {
        until(&format!("{n} handlers run"), PATIENCE, || async {
            active.load(Ordering::SeqCst) == n
        })
        .await;
    };
    running_is(3).await;
    handle.set_concurrency(5).expect("a sensible number");
    running_is(5).await;
    handle.set_concurrency(2).expect("a sensible number");
    gate.add_permits(3);
    running_is(2).await;
    gate.add_permits(100);
    until("all are handled", PATIENCE, || async {
        handle.stats().handled == 80
    })
    .await;
    assert_eq!(most.load(Ordering::SeqCst), 5);
    handle.shutdown().await.expect("it drains");
}

/// Stopping takes under a second where no handler runs. What was not begun goes back at once, and
/// no attempt is counted for it.
pub(crate) async fn stopping_gives_back_what_was_not_begun<F: Fixture>(f: F) {
    let broker = f.broker().await;
    publish_plainly(&broker, "t.a", 0..30).await;
    publish_plainly(&broker, "t.b", 0..30).await;
    let bus = PubSub::new(broker);
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    let handler = move |_: Incoming| {
        let held = held.clone();
        async move {
            held.acquire().await?.forget();
            Ok(())
        }
    };
    let stop = CancellationToken::new();
    let builder = eager(&bus, "t.*", "all").concurrency(1);
    let handle = builder.cancel_on(stop.clone()).start(handler).await;
    let handle = handle.expect("it starts");
    until("both topics wait for their turn", PATIENCE, || async {
        handle.stats().in_flight == 2
    })
    .await;
    stop.cancel();
    until("what has not begun is given back", PATIENCE, || async {
        handle.stats().in_flight == 1
    })
    .await;
    gate.add_permits(1);
    let stats = handle.shutdown().await.expect("it drains");
    assert_eq!((stats.handled, stats.failed), (1, 0));

    let seen = Seen::default();
    let attempts = Arc::new(AtomicUsize::new(0));
    let (log, most) = (seen.handler(), attempts.clone());
    let log = Arc::new(log);
    let handler = move |incoming: Incoming| {
        most.fetch_max(incoming.attempt() as usize, Ordering::SeqCst);
        let log = log.clone();
        async move { glmsg_broker::Handler::handle(&*log, incoming).await }
    };
    let handle = eager(&bus, "t.*", "all").start(handler).await;
    let handle = handle.expect("it starts");
    until("the other 59", PATIENCE, || async {
        seen.all().len() == 59
    })
    .await;
    assert_eq!(attempts.load(Ordering::SeqCst), 1, "nothing was an attempt");
    until("nothing is in flight", PATIENCE, || async {
        handle.stats().in_flight == 0
    })
    .await;
    let began = Instant::now();
    handle.shutdown().await.expect("it drains");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "idle, it took {took:?}");
}

/// A handler's time-out is counted from when it begins, not while it waits for its topic's turn.
pub(crate) async fn waiting_for_a_turn_is_no_time_out<F: Fixture>(f: F) {
    let broker = f.broker().await;
    publish_plainly(&broker, "t.slow", 0..1).await;
    let bus = PubSub::new(broker.clone());
    let gate = Arc::new(Semaphore::new(0));
    let (began, held) = (Arc::new(Semaphore::new(0)), gate.clone());
    let begun = began.clone();
    let handler = move |incoming: Incoming| {
        let (held, begun) = (held.clone(), begun.clone());
        async move {
            if incoming.topic().as_str() == "t.slow" {
                begun.add_permits(1);
                held.acquire().await?.forget();
            }
            Ok::<(), HandlerError>(())
        }
    };
    let limit = 10 * F::soon();
    let builder = bus.subscribe("t.*", "all").look_every(OFTEN);
    let builder = builder.concurrency(1).handler_timeout(limit);
    let handle = builder.start(handler).await.expect("it starts");
    began.acquire().await.expect("it is open").forget();
    // While the first runs into its time-out, the second waits nearly as long.
    publish_plainly(&broker, "t.quick", 0..1).await;
    until("the second is handled", PATIENCE, || async {
        handle.stats().handled == 1
    })
    .await;
    let stats = handle.stats();
    assert_eq!(stats.failed, 1, "the first, and it alone: {stats:?}");
    gate.add_permits(1);
    until("the first, the second time", PATIENCE, || async {
        handle.stats().handled == 2
    })
    .await;
    handle.shutdown().await.expect("it drains");
}
