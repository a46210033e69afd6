//! Responders that are killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use glmsg_core::{GroupName, Message, TopicName};
use glmsg_patterns::request_reply::{RequestError, Requester};
use glmsg_tests::pattern::{Answerer, Reachable, answer_to};

use super::{TOPIC, assert_nothing_is_left, until};
use crate::PATTERN;

/// 10 000 requests, 1 000 at a time, while responders are killed and started anew: every request
/// gets its one answer or its time-out, and nothing stays behind.
pub(crate) async fn every_request_gets_its_answer_though_responders_are_killed<F: Reachable>(f: F) {
    const COUNT: u64 = 10_000;
    const AT_A_TIME: u64 = 1_000;
    let broker = f.broker().await;
    let url = f.url();
    let requester = Requester::builder(broker.clone())
        .max_in_flight(1_000)
        .timeout(Duration::from_secs(120));
    let requester = requester.start().await.expect("an inbox is made");
    let start = || Answerer::start(PATTERN, url.as_deref(), &broker, TOPIC);
    let mut crew = Vec::new();
    for _ in 0..3 {
        crew.push(start().await);
    }
    let (next, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let timed_out = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let asking: Vec<_> = (0..AT_A_TIME)
        .map(|_| {
            let requester = requester.clone();
            let (next, answered, timed_out) = (next.clone(), answered.clone(), timed_out.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= COUNT {
                        return;
                    }
                    let question = Message::builder(TOPIC).text(n.to_string());
                    match requester.request(question).await {
                        Ok(reply) => {
                            let answer: String = reply.decode().expect("text");
                            assert_eq!(answer, answer_to(n), "the answer of another");
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(RequestError::TimedOut(_)) => {
                            timed_out.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(other) => panic!("{n}: {other}"),
                    }
                }
            })
        })
        .collect();
    // One is killed with its hands full whenever another eighth is answered.
    for round in 1..=6 {
        until("answers", || async {
            answered.load(Ordering::SeqCst) >= round * COUNT / 8
        })
        .await;
        crew.remove(0).kill9();
        crew.push(start().await);
    }
    for asked in asking {
        let ended = tokio::time::timeout(Duration::from_secs(150), asked).await;
        ended.expect("every request ends").expect("no panic");
    }
    let took = began.elapsed();
    let stats = requester.stats();
    let (answered, timed_out) = (
        answered.load(Ordering::SeqCst),
        timed_out.load(Ordering::SeqCst),
    );
    println!("{answered} answers, {timed_out} time-outs in {took:?}; {stats:?}");
    assert_eq!(answered + timed_out, COUNT);
    assert_eq!(timed_out, 0, "with all that time every request is answered");
    assert_eq!((stats.requests, stats.replies), (COUNT, COUNT));
    assert_eq!((stats.in_flight, stats.abandoned), (0, 0));
    // What was answered, and not acked, by one that was killed comes again when its lease has run out.
    let topic = TopicName::new(TOPIC).expect("a valid name");
    let group = GroupName::new("responders").expect("a valid name");
    until("the rest", || async {
        let lag = broker.lag(&topic, &group).await.expect("the lag");
        lag.total() == 0
    })
    .await;
    for answerer in crew {
        answerer.finish().await;
    }
    requester.close().await.expect("closes");
    assert_nothing_is_left(&broker).await;
}
