//! A message that kills every process that reads it in a transaction is a dead letter when its attempts are used up, and takes
//! none of the others along.

use glmsg_broker::{Broker, DeadLetterQuery};
use glmsg_core::{AttemptOutcome, DeadLetterReason};
use glmsg_faults::ledger::Writer;
use glmsg_faults::process::{Launch, Worker};
use glmsg_faults::until;
use glmsg_tests::copier::{Plan, VARIABLE};

use crate::copying::{Copying, PATIENCE};

/// How often a message may be delivered, where it says nothing else.
const ATTEMPTS: u32 = 4;

/// Has copiers follow one another until all is done, and tells how many died of the poison.
async fn deaths(case: &Copying, poison: usize, handles: Option<usize>) -> usize {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = Writer::open(dir.path(), "case");
    let plan = Plan {
        // The partitions of one that died are kept for it, or each would wait for the session to end.
        url: format!("{}&instance=copier", case.url),
        from: case.from.to_string(),
        to: case.to.to_string(),
        group: case.group.to_string(),
        member: "one".into(),
        timeout_s: 30,
        dies_at: None,
        stops_at: None,
        poison: Some(poison.to_string()),
        handles,
        is_apart: false,
    };
    let text = serde_json::to_string(&plan).expect("a plan can be written");
    let launch = Launch::new(env!("CARGO_BIN_EXE_copier")).env(VARIABLE, text);
    for died in 0.. {
        let copier = Worker::spawn(&format!("copier-{died}"), &launch, &ledger);
        tokio::select! {
            ended = copier.wait(PATIENCE * 2) => assert!(!ended.success(), "it dies of the poison"),
            () = case.until_done() => {
                copier.kill9().await;
                return died;
            }
        }
        assert!(died < 10, "a message kills one process after the other");
    }
    unreachable!("it has returned")
}

/// `count` messages of which one is poison.
async fn case(count: usize, poison: usize, handles: Option<usize>) -> usize {
    let case = Copying::new().await;
    for first in (0..count).step_by(1000) {
        case.publish(first..count.min(first + 1000)).await;
    }
    let deaths = deaths(&case, poison, handles).await;
    let mut expected: Vec<String> = (0..count)
        .filter(|n| *n != poison)
        .map(|n| n.to_string())
        .collect();
    expected.sort();
    case.shows(expected).await;

    let query = DeadLetterQuery::new(case.from.clone(), case.group.clone());
    until("there is a letter", PATIENCE, || async {
        let letters = case.broker.dead_letters(&query).await;
        !letters.expect("letters").items.is_empty()
    })
    .await;
    let letters = case.broker.dead_letters(&query).await.expect("letters");
    let [letter] = &letters.items[..] else {
        panic!("{letters:?}");
    };
    assert_eq!(letter.reason, DeadLetterReason::MaxRetries);
    assert_eq!(letter.attempts, ATTEMPTS);
    let outcomes: Vec<_> = letter
        .history
        .attempts()
        .iter()
        .map(|it| it.outcome)
        .collect();
    assert_eq!(outcomes, [AttemptOutcome::LeaseExpired; 4]);
    deaths
}

/// It is there when the group begins: each delivery is told of before it is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_dies_of_a_message() {
    assert_eq!(case(60, 31, Some(20)).await, ATTEMPTS as usize);
}

/// It comes when nobody tells of deliveries any more: the first is not counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_dies_of_a_message_after_thousands() {
    let deaths = case(6000, 5900, Some(100)).await;
    assert!(deaths == 4 || deaths == 5, "{deaths} died");
}

/// Who receives by itself takes few at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_dies_of_a_message() {
    // Nothing else is in its transaction, or the others would be lost with it.
    assert_eq!(case(1, 0, None).await, ATTEMPTS as usize);
}
