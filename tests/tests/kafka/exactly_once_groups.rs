//! Transactional groups beside the others, and what is special about messages.

use std::time::Duration;

use glmsg_broker::{Broker, DeadLetterQuery, Source as _, SubscribeOptions};
use glmsg_core::{DeadLetterReason, Error, ErrorKind, Message};
use glmsg_kafka::{Input, KafkaBroker, KafkaConfig, TransactionalOptions};

use crate::copying::{Copying, PATIENCE, message, once_each, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_reads_by_transactions_or_by_subscriptions() {
    let case = Copying::new().await;
    let copier = case.open("one").await;
    let options = SubscribeOptions::new(&case.from, &case.group).expect("valid names");
    let error = case.broker.open_source(&options).await;
    let error = error.expect_err("the group is read by transactions");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(
        error.to_string().contains("read by transactions"),
        "{error}"
    );
    copier.close().await;

    let deleted = case.broker.delete_group(&case.from, &case.group).await;
    deleted.expect("it is deleted as others are");
    let source = case.broker.open_source(&options).await.expect("it is new");
    let options = TransactionalOptions::new("one");
    let opened = case.broker.transactional(&case.from, &case.group, options);
    let error = opened
        .await
        .expect_err("the group is read by subscriptions");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    drop(source);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_deleted_tells_its_members() {
    let case = Copying::new().await;
    let mut copier = case.open("one").await;
    case.broker
        .delete_group(&case.from, &case.group)
        .await
        .expect("it is deleted");
    let waiting = async {
        let mut transaction = copier.begin().await?;
        transaction.recv(1).await.map(drop)
    };
    let ended = tokio::time::timeout(PATIENCE, waiting).await;
    let error = ended.expect("who waits is told").expect_err("it is gone");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// Also one of subscriptions, that has read nothing yet, and is deleted by another process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_deleted_elsewhere_tells_its_subscriptions() {
    let case = Copying::new().await;
    let options = SubscribeOptions::new(&case.from, &case.group).expect("valid names");
    let mut source = case.broker.open_source(&options).await.expect("it opens");
    let elsewhere = KafkaConfig::from_url(&case.url).expect("a valid URL");
    let elsewhere = KafkaBroker::open(elsewhere).await.expect("it opens");
    elsewhere
        .delete_group(&case.from, &case.group)
        .await
        .expect("it is deleted");
    let mut received = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, source.recv(&mut received, 1)).await;
    let error = ended.expect("who waits is told").expect_err("it is gone");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_scheduled_waits_and_what_cannot_be_handled_is_a_dead_letter() {
    let case = Copying::new().await;
    let later = |text: &str, delay: u64| {
        let message = Message::builder(&case.from).payload(text.to_owned());
        let message = message.delay(Duration::from_secs(delay));
        message.build().expect("a valid message")
    };
    let expired = Message::builder(&case.from)
        .payload("old")
        .ttl(Duration::from_millis(1));
    let expired = expired.build().expect("a valid message");
    // Before they are stored: it counts from then.
    let due = tokio::time::Instant::now() + Duration::from_secs(4);
    case.publish_all(vec![later("1", 4), later("2", 2), expired])
        .await;
    case.broker
        .inject(&case.from, b"no message")
        .await
        .expect("it is stored");
    case.publish([0]).await;
    let mut copier = case.open("one").await;
    let to = &case.to;
    let handler =
        |input: Input| async move { Ok::<_, Error>(vec![message(to, &text(&input.message))]) };
    let copied = async {
        while case.results().await.len() < 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        ended = copier.run(handler) => panic!("{ended:?}"),
        ended = tokio::time::timeout(PATIENCE, copied) => ended.expect("all come"),
    }
    // Clocks are told in milliseconds.
    assert!(tokio::time::Instant::now() + Duration::from_millis(2) > due);
    case.shows(once_each(3)).await;
    let query = DeadLetterQuery::new(case.from.clone(), case.group.clone());
    let letters = case
        .broker
        .dead_letters(&query)
        .await
        .expect("letters")
        .items;
    let mut reasons: Vec<DeadLetterReason> = letters.iter().map(|l| l.reason).collect();
    reasons.sort();
    let expected = [DeadLetterReason::Expired, DeadLetterReason::Undecodable];
    assert_eq!(reasons, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_published_is_refused_and_the_others_are_committed() {
    let case = Copying::new().await;
    case.publish(0..1).await;
    let mut copier = case.open("one").await;
    let mut transaction = copier.begin().await.expect("it begins");
    let inputs = transaction.recv(10).await.expect("messages");
    let huge = message(&case.to, &"x".repeat(2 << 20));
    let fine = message(&case.to, &text(&inputs[0].message));
    let error = transaction.publish(&[fine.clone(), huge]).await;
    let error = error.expect_err("it is too large");
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    transaction.publish(&[fine]).await.expect("it goes on");
    transaction.commit().await.expect("it is committed");
    case.shows(once_each(1)).await;
    case.until_done().await;
}
