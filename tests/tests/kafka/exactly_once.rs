//! Reading, handling and publishing in one transaction.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use glmsg_broker::{Broker, DeadLetterQuery, DeadLetterSelector};
use glmsg_core::{DeadLetterReason, Error, ErrorKind, Message, Result};
use glmsg_kafka::{Input, Transaction, Transactional, TransactionalOptions};

use crate::copying::{Copying, PATIENCE, message, once_each, text};

/// Copies what there is into a transaction until it has this many.
async fn copy(case: &Copying, transaction: &mut Transaction<'_>, count: usize) -> Result<()> {
    let mut copied = 0;
    while copied < count {
        for input in transaction.recv(count - copied).await? {
            let copy = message(&case.to, &text(&input.message));
            transaction.publish(&[copy]).await?;
            copied += 1;
        }
    }
    Ok(())
}

/// Copies in transactions until all is consumed.
async fn finish(case: &Copying, copier: &mut Transactional) {
    let copying = copier.run(|input: Input| async move {
        Ok::<_, Error>(vec![message(&case.to, &text(&input.message))])
    });
    tokio::select! {
        ended = copying => panic!("{ended:?}"),
        () = case.until_done() => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_aborted_or_dropped_comes_again_and_nobody_sees_it() {
    let case = Copying::new().await;
    case.publish(0..20).await;
    let mut copier = case.open("one").await;

    let mut transaction = copier.begin().await.expect("it begins");
    copy(&case, &mut transaction, 20).await.expect("copies");
    transaction.abort().await.expect("it is aborted");
    assert_eq!((case.results().await, case.left().await), (Vec::new(), 20));

    let mut transaction = copier.begin().await.expect("it begins");
    copy(&case, &mut transaction, 20).await.expect("copies");
    drop(transaction);

    let mut transaction = copier.begin().await.expect("it begins");
    copy(&case, &mut transaction, 20).await.expect("copies");
    assert_eq!((case.results().await, case.left().await), (Vec::new(), 20));
    transaction.commit().await.expect("it is committed");
    case.shows(once_each(20)).await;
    case.until_done().await;
    copier.close().await;
}

/// Whoever aborts waits for the reports on what was published, and for no time-out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_published_is_aborted_long_before_the_time_out() {
    let case = Copying::with("&timeout_ms=60000").await;
    let mut copier = case.open("one").await;
    let mut transaction = copier.begin().await.expect("it begins");
    // More than is held back, so that most of it is on its way.
    let result = message(&case.to, &"x".repeat(900_000));
    for _ in 0..30 {
        let published = transaction.publish(std::slice::from_ref(&result));
        published.await.expect("it is taken");
    }
    let aborted = tokio::time::timeout(PATIENCE, transaction.abort()).await;
    aborted.expect("long before").expect("it is aborted");
    case.publish(0..1).await;
    finish(&case, &mut copier).await;
    case.shows(once_each(1)).await;
}

/// A future that is dropped must not take messages along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receive_that_is_given_up_takes_nothing() {
    let case = Copying::new().await;
    let mut copier = case.open("one").await;
    let mut transaction = copier.begin().await.expect("it begins");
    for n in 0..20 {
        let publishing = case.publish([n]);
        tokio::select! {
            biased;
            received = transaction.recv(100) => {
                for input in received.expect("messages") {
                    let copy = message(&case.to, &text(&input.message));
                    transaction.publish(&[copy]).await.expect("it is published");
                }
            }
            () = publishing => {}
        }
    }
    transaction.commit().await.expect("it is committed");
    finish(&case, &mut copier).await;
    let results = case.results().await;
    // Where a publish was given up its message may be missing, and none is there twice.
    let mut once = results.clone();
    once.dedup();
    assert_eq!(results, once);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_with_the_same_id_the_later_shuts_out_the_earlier() {
    let case = Copying::new().await;
    case.publish(0..20).await;
    let mut earlier = case.open("one").await;
    let mut transaction = earlier.begin().await.expect("it begins");
    copy(&case, &mut transaction, 20).await.expect("copies");

    let mut later = case.open("one").await;
    let error = transaction.commit().await.expect_err("it is shut out");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(!error.is_transient(), "{error}");
    let error = earlier.begin().await.expect_err("and stays so");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(case.results().await, Vec::<String>::new());

    finish(&case, &mut later).await;
    case.shows(once_each(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_handler_fails_at_comes_again_and_is_a_dead_letter_in_the_end() {
    let case = Copying::new().await;
    case.publish(0..10).await;
    let poison = Message::builder(&case.from)
        .payload("poison")
        .max_retries(2);
    let poison = poison.build().expect("a valid message");
    case.publish_all(vec![poison]).await;
    let options = TransactionalOptions::new("one").retry_delay(Duration::from_millis(10));
    let mut copier = case.open_with(options).await;
    let attempts: Mutex<HashMap<String, u32>> = Mutex::default();
    let handler = |input: Input| {
        let text = text(&input.message);
        let mut attempts = attempts.lock().expect("nobody panics");
        let attempt = attempts.entry(text.clone()).or_default();
        *attempt += 1;
        // One fails once.
        let fails = text == "poison" || (text == "7" && *attempt == 1);
        let result = message(&case.to, &text);
        async move {
            match fails {
                true => Err("it is not to be had"),
                false => Ok(vec![result]),
            }
        }
    };
    tokio::select! {
        ended = copier.run(handler) => panic!("{ended:?}"),
        () = case.until_done() => {}
    }
    case.shows(once_each(10)).await;
    assert_eq!(attempts.lock().expect("nobody panics")["poison"], 3);

    let query = DeadLetterQuery::new(case.from.clone(), case.group.clone());
    let letters = case
        .broker
        .dead_letters(&query)
        .await
        .expect("letters")
        .items;
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(letter.reason, DeadLetterReason::MaxRetries);
    assert_eq!((letter.attempts, letter.history.len()), (3, 3));
    assert_eq!(&*letter.detail, "it is not to be had");

    // The group has it back, as any other group has.
    let all = DeadLetterSelector::All;
    let redriven = case.broker.redrive(&case.from, &case.group, &all).await;
    assert_eq!(redriven.expect("it is redriven"), 1);
    finish(&case, &mut copier).await;
    let mut expected = once_each(10);
    expected.push("poison".into());
    case.shows(expected).await;
}

/// The transaction with the dead letter may be aborted for another message's sake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_attempts_are_used_up_is_not_handled_again() {
    let case = Copying::new().await;
    // In this order: those of a key are.
    let keyed = |text: &str, retries: u16| {
        let message = Message::builder(&case.from).payload(text.to_owned());
        let message = message.key("k").max_retries(retries);
        message.build().expect("a valid message")
    };
    case.publish_all(vec![keyed("poison", 1), keyed("0", 5)])
        .await;
    let options = TransactionalOptions::new("one").retry_delay(Duration::from_millis(10));
    let mut copier = case.open_with(options).await;
    let handled: Mutex<Vec<String>> = Mutex::default();
    let handler = |input: Input| {
        let text = text(&input.message);
        let mut handled = handled.lock().expect("nobody panics");
        handled.push(text.clone());
        let times = handled.iter().filter(|one| **one == text).count();
        let fails = text == "poison" || times <= 2;
        let result = message(&case.to, &text);
        async move {
            match fails {
                true => Err("it is not to be had"),
                false => Ok(vec![result]),
            }
        }
    };
    tokio::select! {
        ended = copier.run(handler) => panic!("{ended:?}"),
        () = case.until_done() => {}
    }
    case.shows(once_each(1)).await;
    let handled = handled.lock().expect("nobody panics").clone();
    let times = |text: &str| handled.iter().filter(|one| **one == text).count();
    // The other at least as often as it needs.
    assert_eq!((times("poison"), times("0").min(3)), (2, 3), "{handled:?}");
    let query = DeadLetterQuery::new(case.from.clone(), case.group.clone());
    let letters = case.broker.dead_letters(&query).await.expect("letters");
    let letter = &letters.items[0];
    assert_eq!((letters.items.len(), letter.attempts), (1, 2));
    assert_eq!(&*letter.detail, "it is not to be had");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_go_to_another_abort_the_transaction() {
    let case = Copying::new().await;
    case.publish(0..40).await;
    let mut first = case.open("one").await;
    let mut transaction = first.begin().await.expect("it begins");
    copy(&case, &mut transaction, 40).await.expect("copies");

    let mut second = case.open("two").await;
    let joined = async {
        // It has a part of the partitions as soon as it reads something.
        let mut transaction = second.begin().await.expect("it begins");
        let inputs = transaction.recv(100).await.expect("messages");
        assert!(!inputs.is_empty());
        transaction.abort().await.expect("it is aborted");
    };
    tokio::time::timeout(PATIENCE, joined)
        .await
        .expect("the second has its part");
    let error = transaction
        .commit()
        .await
        .expect_err("it has lost partitions");
    assert!(error.is_transient(), "{error}");
    assert_eq!(case.results().await, Vec::<String>::new());

    tokio::join!(finish(&case, &mut first), finish(&case, &mut second));
    case.shows(once_each(40)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_takes_too_long_is_aborted() {
    let case = Copying::new().await;
    case.publish(0..5).await;
    let options = TransactionalOptions::new("one").timeout(Duration::from_secs(1));
    let mut copier = case.open_with(options).await;
    let mut transaction = copier.begin().await.expect("it begins");
    copy(&case, &mut transaction, 5).await.expect("copies");
    let error = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Err(error) = transaction.recv(1).await {
                break error;
            }
        }
    });
    let error = error.await.expect("who waits is told");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let error = transaction.commit().await.expect_err("it is aborted");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    finish(&case, &mut copier).await;
    case.shows(once_each(5)).await;
}
