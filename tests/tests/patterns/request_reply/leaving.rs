//! Nothing stays behind.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::Incoming;
use glmsg_conformance::Fixture;
use glmsg_core::Message;
use glmsg_patterns::request_reply::{Answer, RequestError, Requester, Responder};
use glmsg_tests::pattern::{Process, Reachable, start_responder};
use tokio::sync::Semaphore;

use super::{TOPIC, assert_nothing_is_left, requester, topics, until, within};
use crate::PATTERN;

/// A requester that is dropped deletes its inbox, and ends what waits.
pub(crate) async fn a_dropped_requester_leaves_nothing<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let requester = requester(&broker).await;
    let inbox = requester.inbox().to_string();
    assert!(topics(&broker).await.contains(&inbox));
    let clone = requester.clone();
    drop(requester);
    assert!(topics(&broker).await.contains(&inbox), "a clone lives");
    drop(clone);
    until("the inbox to go", || async {
        topics(&broker).await.is_empty()
    })
    .await;
}

/// A requester that is closed ends what waits, and a reply that comes afterwards does not bring its
/// inbox back.
pub(crate) async fn a_late_reply_brings_no_inbox_back<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let (hold, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (held, begins) = (hold.clone(), begun.clone());
    let responder = Responder::new(broker.clone(), TOPIC).start(move |_: Incoming| {
        let (held, begins) = (held.clone(), begins.clone());
        async move {
            begins.add_permits(1);
            held.acquire().await?.forget();
            Ok(Answer::empty())
        }
    });
    let responder = responder.await.expect("starts");
    let requester = requester(&broker).await;
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let request = requester.request(Message::builder(TOPIC).json(&1));
            tokio::spawn(request.into_future())
        })
        .collect();
    let all = within("four handlers", begun.acquire_many(4)).await;
    drop(all.expect("it is open"));
    requester.close().await.expect("closes");
    for asked in asking {
        let ended = within("its end", asked).await.expect("no panic");
        assert!(matches!(&ended, Err(RequestError::Closed)), "{ended:?}");
    }
    let after = requester.request(Message::builder(TOPIC).json(&1)).await;
    assert!(matches!(&after, Err(RequestError::Closed)), "{after:?}");
    hold.add_permits(4);
    let handled = || async { responder.stats().handled == 4 };
    until("all to be handled", handled).await;
    let stats = {
        let stats = || responder.stats();
        until("all replies", || async {
            stats().orphaned + stats().replied == 4
        })
        .await;
        stats()
    };
    responder.shutdown().await.expect("drains");
    assert_eq!((stats.orphaned, stats.replied), (4, 0), "{stats:?}");
    assert_nothing_is_left(&broker).await;
}

/// A requester that is killed leaves nothing behind for long: whoever else asks or answers on the
/// broker deletes its inbox, and not those of the living.
pub(crate) async fn a_killed_requester_leaves_nothing<F: Reachable>(f: F) {
    let Some(url) = f.url() else {
        // Nobody else could be killed.
        return;
    };
    let broker = f.broker().await;
    let responder = start_responder(broker.clone(), TOPIC).await;
    let inboxes = || async {
        let mut topics = topics(&broker).await;
        topics.retain(|topic| topic.starts_with("reply."));
        topics
    };
    let process = Process::start(Path::new(PATTERN), &["requester", &url, TOPIC]);
    until("it to ask", || async { responder.stats().replied > 3 }).await;
    let its = inboxes().await;
    assert_eq!(its.len(), 1);
    process.kill9();
    let sweeping = Requester::builder(broker.clone())
        .sweep_every(Some(Duration::from_secs(1)))
        .lease(Duration::from_secs(5));
    let sweeping = sweeping.start().await.expect("an inbox is made");
    let swept = async {
        while inboxes().await.contains(&its[0]) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    // An inbox under half a minute old is left alone.
    let patience = Duration::from_secs(150);
    tokio::time::timeout(patience, swept)
        .await
        .expect("the inbox of the killed goes");
    assert_eq!(inboxes().await, [sweeping.inbox().to_string()]);
    let question = sweeping.request(Message::builder(TOPIC).text("7"));
    within("an answer", question.into_future())
        .await
        .expect("the living goes on");
    sweeping.close().await.expect("closes");
    // What the killed had asked is answered to nobody.
    responder.shutdown().await.expect("drains");
    assert_nothing_is_left(&broker).await;
}
