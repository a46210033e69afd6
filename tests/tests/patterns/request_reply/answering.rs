//! Answers: right, wrong, late, twice, none.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use glmsg_broker::{BrokerExt as _, Incoming, SubscribeOptions};
use glmsg_conformance::Fixture;
use glmsg_core::codec::Json;
use glmsg_core::{Message, Priority};
use glmsg_patterns::request_reply::{Answer, ReplyError, RequestError, Requester, Responder};
use tokio::sync::Semaphore;

use super::{TOPIC, assert_nothing_is_left, requester, topics, until, within};

/// Typed questions get typed answers; errors are answers with a code; a question that is none, and a
/// handler that panics, are answered, too.
pub(crate) async fn answers_are_typed_and_errors_are_answers<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let responder = Responder::new(broker.clone(), TOPIC)
        .serve(Json, |numbers: Vec<u64>| async move {
            match &numbers[..] {
                [] => Err(ReplyError::new("nothing-to-add", "an empty list")),
                [666] => panic!("as the case wants"),
                [404] => Err(std::io::Error::other("the adding machine is broken").into()),
                numbers => Ok(numbers.iter().sum::<u64>()),
            }
        })
        .await
        .expect("starts");
    let requester = requester(&broker).await;
    let ask = |numbers: &[u64]| requester.request(Message::builder(TOPIC).json(numbers));
    let reply = within("a sum", ask(&[1, 2, 3]).into_future()).await;
    assert_eq!(
        reply.expect("a reply").decode::<u64>().expect("a number"),
        6
    );
    for (numbers, code) in [
        (&[][..], "nothing-to-add"),
        (&[666], ReplyError::PANICKED),
        (&[404], ReplyError::FAILED),
    ] {
        let refused = within("an error", ask(numbers).into_future()).await;
        match refused.expect_err("an error") {
            RequestError::Refused(error) => assert_eq!(error.code(), code, "{error}"),
            other => panic!("{other}"),
        }
    }
    let strange = requester.request(Message::builder(TOPIC).text("no list"));
    let refused = within("an error", strange.into_future()).await;
    assert!(
        matches!(&refused, Err(RequestError::Refused(error)) if error.code() == ReplyError::BAD_REQUEST),
        "{refused:?}"
    );
    let stats = requester.stats();
    assert_eq!((stats.requests, stats.replies, stats.refused), (5, 5, 4));
    requester.close().await.expect("closes");
    let answered = responder.stats();
    assert_eq!(
        (answered.replied, answered.panicked),
        (5, 1),
        "{answered:?}"
    );
    responder.shutdown().await.expect("drains");
    assert_nothing_is_left(&broker).await;
}

/// A thousand requests at a time of one requester, each gets its own answer.
pub(crate) async fn a_thousand_at_a_time<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let double = |n: u64| async move { Ok(2 * n) };
    let responder = Responder::new(broker.clone(), TOPIC).concurrency(100);
    let responder = responder.serve(Json, double).await.expect("starts");
    let requester = requester(&broker).await;
    let asking: Vec<_> = (0..1_000_u64)
        .map(|n| {
            let request = requester.request(Message::builder(TOPIC).json(&n));
            tokio::spawn(async move { (n, request.await) })
        })
        .collect();
    for asked in asking {
        let (n, reply) = within("an answer", asked).await.expect("no panic");
        let answer: u64 = reply.expect("a reply").decode().expect("a number");
        assert_eq!(answer, 2 * n);
    }
    requester.close().await.expect("closes");
    responder.shutdown().await.expect("drains");
    assert_nothing_is_left(&broker).await;
}

/// A topic that nobody has ever served is told at once, if that is asked for, and nothing is sent.
pub(crate) async fn who_was_never_there_is_unavailable_at_once<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let requester = requester(&broker).await;
    let ask = || {
        let request = requester.request(Message::builder(TOPIC).json(&1));
        request.must_be_served().into_future()
    };
    let refused = within("an answer", ask()).await;
    assert!(
        matches!(&refused, Err(RequestError::Unavailable(topic)) if topic.as_str() == TOPIC),
        "{refused:?}"
    );
    assert!(!topics(&broker).await.contains(&TOPIC.to_owned()));
    assert_eq!(requester.stats().requests, 0);
    let echo = |n: u64| async move { Ok(n) };
    let responder = Responder::new(broker.clone(), TOPIC).serve(Json, echo);
    let responder = responder.await.expect("starts");
    within("an answer", ask()).await.expect("a reply");
    requester.close().await.expect("closes");
    responder.shutdown().await.expect("drains");
    assert_nothing_is_left(&broker).await;
}

/// The original ignored the priority of a request.
pub(crate) async fn urgent_requests_are_answered_first<F: Fixture>(f: F) {
    let broker = f.broker().await;
    if !F::capability().priorities {
        return;
    }
    let (order, hold) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(Semaphore::new(0)),
    );
    let requester = requester(&broker).await;
    let asking: Vec<_> = [Priority::Low, Priority::Normal, Priority::Critical]
        .into_iter()
        .map(|priority| {
            let question = Message::builder(TOPIC).json(&1).priority(priority);
            tokio::spawn(requester.request(question).into_future())
        })
        .collect();
    let topic = TOPIC.parse().expect("a valid name");
    until("three requests", || async {
        let topics = broker.topics().await.expect("a list");
        let found = topics.iter().find(|t| t.name == topic);
        found.is_some_and(|t| t.messages == 3)
    })
    .await;
    hold.add_permits(3);
    let (log, held) = (order.clone(), hold.clone());
    let responder = Responder::new(broker.clone(), TOPIC).concurrency(1);
    let responder = responder.start(move |request: Incoming| {
        log.lock().expect("no panic").push(request.priority());
        let held = held.clone();
        async move {
            held.acquire().await?.forget();
            Ok(Answer::empty())
        }
    });
    let responder = responder.await.expect("starts");
    for asked in asking {
        let reply = within("an answer", asked).await.expect("no panic");
        reply.expect("a reply");
    }
    let order = order.lock().expect("no panic").clone();
    assert_eq!(order, [Priority::Critical, Priority::Normal, Priority::Low]);
    requester.close().await.expect("closes");
    responder.shutdown().await.expect("drains");
    assert_nothing_is_left(&broker).await;
}

/// A reply that comes late, and one that comes twice, are dropped and counted; they answer no other
/// request.
pub(crate) async fn late_and_second_replies_are_dropped<F: Fixture>(f: F) {
    let broker = f.broker().await;
    // A responder by hand, of which this case knows when it replies.
    let options = SubscribeOptions::new(TOPIC, "responders").expect("valid names");
    let mut requests = broker.subscribe(options).await.expect("joins");
    let requester = requester(&broker).await;
    let ask = |timeout| {
        let request = requester.request(Message::builder(TOPIC).text("?"));
        tokio::spawn(request.timeout(timeout).into_future())
    };
    let reply = |request: &Message, text: &str| {
        let inbox = request.reply_to().expect("an inbox").clone();
        let correlation = request.correlation_id().expect("an id").to_owned();
        let reply = Message::builder(inbox)
            .text(text)
            .correlation_id(correlation);
        reply.build().expect("a valid message")
    };
    // Long enough to be received by, on a machine that is busy.
    let impatient = ask(Duration::from_secs(3));
    let first = within("a request", requests.recv()).await.expect("comes");
    let first = {
        let message = first.message().clone();
        first.ack().await.expect("acked");
        message
    };
    let ended = within("its end", impatient).await.expect("no panic");
    assert!(
        matches!(&ended, Err(RequestError::TimedOut(_))),
        "{ended:?}"
    );
    let patient = ask(Duration::from_secs(60));
    let second = within("a request", requests.recv()).await.expect("comes");
    let id = second.message().correlation_id().map(str::len);
    assert_eq!(id, Some(32), "a correlation id has 128 bits");
    let replies = [
        reply(&first, "late"),
        reply(second.message(), "right"),
        reply(second.message(), "again"),
        reply(&first, "even later"),
    ];
    broker.publish(&replies).await.expect("published");
    second.ack().await.expect("acked");
    let answer = within("the answer", patient).await.expect("no panic");
    assert_eq!(
        answer.expect("a reply").decode::<String>().expect("text"),
        "right"
    );
    until("all replies to be counted", || async {
        let stats = requester.stats();
        stats.late + stats.duplicates == 3
    })
    .await;
    let stats = requester.stats();
    assert_eq!((stats.late, stats.duplicates, stats.strange), (1, 2, 0));
    assert_eq!((stats.timed_out, stats.replies, stats.in_flight), (1, 1, 0));
    requests.close().await.expect("leaves");
    requester.close().await.expect("closes");
    assert_nothing_is_left(&broker).await;
}

/// No more requests are under way than allowed; one that finds no place in its time is not sent.
pub(crate) async fn requests_under_way_are_bounded<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let builder = Requester::builder(broker.clone()).max_in_flight(2);
    let requester = builder.start().await.expect("an inbox is made");
    let held = |timeout| {
        let request = requester.request(Message::builder(TOPIC).json(&1));
        tokio::spawn(request.timeout(timeout).into_future())
    };
    let (one, two) = (held(Duration::from_secs(60)), held(Duration::from_secs(60)));
    until("two requests under way", || async {
        requester.stats().in_flight == 2
    })
    .await;
    let third = within("the third", held(Duration::from_millis(50))).await;
    let third = third.expect("no panic");
    assert!(
        matches!(&third, Err(RequestError::TimedOut(_))),
        "{third:?}"
    );
    assert_eq!(requester.stats().in_flight, 2);
    // A request that is given up makes room.
    one.abort();
    let echo = |n: u64| async move { Ok(n) };
    let responder = Responder::new(broker.clone(), TOPIC).serve(Json, echo);
    let responder = responder.await.expect("starts");
    let fourth = within("the fourth", held(Duration::from_secs(60))).await;
    fourth.expect("no panic").expect("a reply");
    within("the second", two)
        .await
        .expect("no panic")
        .expect("a reply");
    let stats = requester.stats();
    assert_eq!((stats.timed_out, stats.abandoned, stats.replies), (1, 1, 2));
    requester.close().await.expect("closes");
    responder.shutdown().await.expect("drains");
    assert_nothing_is_left(&broker).await;
}

/// A request whose time is over before a responder comes is not handled.
pub(crate) async fn what_nobody_waits_for_is_not_handled<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let requester = requester(&broker).await;
    let short = requester.request(Message::builder(TOPIC).json(&1));
    let ended = short.timeout(Duration::from_millis(200)).await;
    assert!(
        matches!(&ended, Err(RequestError::TimedOut(_))),
        "{ended:?}"
    );
    let echo = |n: u64| async move { Ok(n) };
    let responder = Responder::new(broker.clone(), TOPIC).serve(Json, echo);
    let responder = responder.await.expect("starts");
    let long = requester.request(Message::builder(TOPIC).json(&2));
    let reply = within("an answer", long.into_future()).await;
    assert_eq!(
        reply.expect("a reply").decode::<u64>().expect("a number"),
        2
    );
    let stats = responder.stats();
    // The first was not stored if it timed out before it was sent.
    assert!(stats.expired <= 1 && stats.handled == 1, "{stats:?}");
    requester.close().await.expect("closes");
    responder.shutdown().await.expect("drains");
    assert_nothing_is_left(&broker).await;
}
