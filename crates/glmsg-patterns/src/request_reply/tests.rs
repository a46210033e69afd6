//! Names of inboxes, errors, and a requester whose inbox was taken away.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::Broker;
use glmsg_core::codec::Json;
use glmsg_core::{Clock as _, Message, SystemClock, TopicName};
use glmsg_memory::MemoryBroker;

use super::*;

#[test]
fn the_name_of_an_inbox_says_how_old_it_is() {
    let before = SystemClock.now();
    let name = inbox::name().unwrap();
    let named = inbox::named_at(&name).unwrap();
    // A UUIDv7 knows milliseconds.
    assert!(named.after(Duration::from_millis(1)) >= before);
    assert!(named <= SystemClock.now());
    for other in [
        "reply.me",
        "orders",
        "reply.67e55044-10b1-426f-9247-bb680e5fe0c8",
    ] {
        let other = TopicName::new(other).unwrap();
        assert_eq!(inbox::named_at(&other), None, "{other}");
    }
}

#[test]
fn an_error_is_cut_to_what_a_header_holds() {
    let error = ReplyError::new("no\tsuch\ncode ä".repeat(40), "why\n".repeat(5_000));
    assert!(error.code().len() <= 64 && error.code().starts_with("nosuchcode"));
    let request = Message::builder("t").build().unwrap();
    let inbox = TopicName::new("t.replies").unwrap();
    let reply = answer::reply(&request, 1, &inbox, Err(error.clone())).unwrap();
    let read = Reply::read(reply).unwrap_err();
    assert!(matches!(read, RequestError::Refused(read) if read.code() == error.code()));
    assert_eq!(ReplyError::new("", "").code(), ReplyError::FAILED);
}

#[test]
fn all_answers_to_a_request_have_one_id() {
    let request = Message::builder("t").build().unwrap();
    let inbox = TopicName::new("t.replies").unwrap();
    let reply = |answer| answer::reply(&request, 1, &inbox, answer).unwrap();
    let (one, two) = (
        reply(Ok(Answer::empty())),
        reply(Ok("two".to_owned().into())),
    );
    assert_eq!(one.id(), two.id());
    assert_ne!(one.id(), request.id());
    let id = request.id().to_string();
    assert_eq!(one.correlation_id(), Some(id.as_str()));
}

/// Who was taken for dead makes the inbox anew, and goes on.
#[tokio::test]
async fn an_inbox_that_was_taken_away_is_made_anew() {
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
    let echo = |n: u64| async move { Ok(n) };
    let responder = Responder::new(broker.clone(), "t").serve(Json, echo);
    let responder = responder.await.unwrap();
    let requester = Requester::start(broker.clone()).await.unwrap();
    let ask = || {
        requester
            .request(Message::builder("t").json(&7))
            .into_future()
    };
    ask().await.unwrap();
    broker.delete_topic(requester.inbox()).await.unwrap();
    let again = tokio::time::timeout(Duration::from_secs(30), async {
        while broker.groups(requester.inbox()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    again.await.unwrap();
    let reply = ask().await.unwrap();
    assert_eq!(reply.decode::<u64>().unwrap(), 7);
    requester.close().await.unwrap();
    requester.close().await.unwrap();
    responder.shutdown().await.unwrap();
}

#[tokio::test]
async fn bounds_that_make_no_sense_are_refused() {
    let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::default());
    let builder = || Requester::builder(broker.clone());
    for wrong in [
        builder().timeout(Duration::ZERO),
        builder().max_in_flight(0),
        builder().lease(Duration::ZERO),
    ] {
        let error = wrong.start().await.unwrap_err();
        assert_eq!(error.kind(), glmsg_core::ErrorKind::InvalidArgument);
    }
}
