//! Retries: counted, delayed as wished, and given up after as many as allowed.

use std::time::Duration;

use glmsg_broker::{Nack, Settled};
use glmsg_core::{AttemptOutcome, DeadLetterReason};

use crate::member::{Member, past_soon};
use crate::messages::{build, builder, dead_letters, lag, message, only_dead_letter, store};
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! retry_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { retry ["retry.rs"] [
            a_retry_waits_for_its_delay,
            a_message_is_tried_as_often_as_it_allows,
            a_message_without_retries_is_tried_once,
            leases_that_run_out_use_up_attempts,
            the_cap_is_checked_before_a_delivery,
            a_rejected_message_is_not_tried_again,
            a_history_keeps_the_last_ten,
            how_an_attempt_ended_is_kept,
            error_texts_are_cleaned_and_cut,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    retry_cases!(__list)
}

/// A retry comes no sooner than its delay, by the broker's clock, and meanwhile counts as delayed.
///
/// Promise 6
pub async fn a_retry_waits_for_its_delay<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("patience")]).await;
    let mut member = Member::join(&broker, "g").await;
    let hour = Duration::from_secs(3600);
    let first = member.next().await;
    let Settled::Retried(due) = member
        .retry(&first, Duration::from_millis(200), "wait")
        .await
    else {
        panic!("a first attempt of four is retried");
    };
    f.pass(Duration::from_millis(200)).await;
    let second = member.next().await;
    assert_eq!(second.attempt, 2);
    let ended = second.history.last().expect("one attempt has ended").at;
    assert_eq!(
        due.since(ended),
        Duration::from_millis(200),
        "due the delay after the attempt's end"
    );
    let Settled::Retried(later) = member.retry(&second, hour, "wait longer").await else {
        panic!("a second attempt of four is retried");
    };
    assert!(
        later.since(due) >= hour,
        "the second was delivered when due"
    );
    member.expect_nothing(&broker).await;
    let now = lag(&broker, "g").await;
    assert_eq!((now.delayed, now.in_flight), (1, 0), "{now:?}");
}

/// A message that always fails is delivered exactly 1 + `max_retries` times, then is one dead
/// letter with its history.
///
/// Promise 5
pub async fn a_message_is_tried_as_often_as_it_allows<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = build(builder("hopeless").max_retries(4));
    store(&broker, std::slice::from_ref(&sent)).await;
    let mut member = Member::join(&broker, "g").await;
    for attempt in 1..=5 {
        let got = member.next().await;
        assert_eq!(got.attempt, attempt);
        let why = format!("failure {attempt}");
        match (attempt, member.retry(&got, Duration::ZERO, &why).await) {
            (1..=4, Settled::Retried(_)) => {}
            (5, Settled::DeadLettered(DeadLetterReason::MaxRetries)) => {}
            (_, other) => panic!("attempt {attempt} of 5 ended as {other:?}"),
        }
    }
    member.expect_nothing(&broker).await;
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(dead.message(), Some(&sent), "the original, unchanged");
    assert_eq!(dead.reason, DeadLetterReason::MaxRetries);
    assert_eq!(dead.attempts, 5);
    assert_eq!(&*dead.detail, "failure 5", "the last error");
    let errors: Vec<_> = dead.history.attempts().iter().map(|a| &*a.error).collect();
    let expected = [
        "failure 1",
        "failure 2",
        "failure 3",
        "failure 4",
        "failure 5",
    ];
    assert_eq!(errors, expected);
}

/// `max_retries` of zero means one attempt.
///
/// Promise 5
pub async fn a_message_without_retries_is_tried_once<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[build(builder("once").max_retries(0))]).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.next().await;
    let settled = member.retry(&got, Duration::ZERO, "failed").await;
    assert_eq!(settled, Settled::DeadLettered(DeadLetterReason::MaxRetries));
    member.expect_nothing(&broker).await;
    assert_eq!(only_dead_letter(&broker, "g").await.attempts, 1);
}

/// Attempts that end with the lease count like failed ones, in any mixture.
///
/// Promise 5
pub async fn leases_that_run_out_use_up_attempts<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let sent = build(builder("mixed").max_retries(2));
    store(&broker, std::slice::from_ref(&sent)).await;
    let mut member = Member::join_briefly::<F>(&broker, "g").await;
    let first = member.next().await;
    member.retry(&first, Duration::ZERO, "failed").await;
    assert_eq!(member.next().await.attempt, 2);
    f.pass(past_soon::<F>()).await;
    let third = member.next().await;
    assert_eq!(third.attempt, 3);
    let settled = member.retry(&third, Duration::ZERO, "failed").await;
    assert_eq!(settled, Settled::DeadLettered(DeadLetterReason::MaxRetries));
    let dead = only_dead_letter(&broker, "g").await;
    let outcomes: Vec<_> = dead.history.attempts().iter().map(|a| a.outcome).collect();
    use AttemptOutcome::{Failed, LeaseExpired};
    assert_eq!(outcomes, [Failed, LeaseExpired, Failed]);
}

/// A message whose consumers always crash is delivered as often as it allows, and then becomes a
/// dead letter instead of being delivered once more.
///
/// Promise 5
pub async fn the_cap_is_checked_before_a_delivery<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let poison = build(builder("poison").max_retries(2));
    store(&broker, std::slice::from_ref(&poison)).await;
    for attempt in 1..=3 {
        let mut member = Member::join_briefly::<F>(&broker, "g").await;
        assert_eq!(member.next().await.attempt, attempt);
        drop(member);
        f.pass(past_soon::<F>()).await;
    }
    let mut member = Member::join(&broker, "g").await;
    member.expect_nothing(&broker).await;
    assert_eq!(member.intake.dead_lettered, 1, "receiving reports it");
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(
        (dead.id, dead.reason, dead.attempts),
        (poison.id(), DeadLetterReason::MaxRetries, 3)
    );
    let outcomes: Vec<_> = dead.history.attempts().iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::LeaseExpired; 3]);
}

/// A rejected message becomes a dead letter at once, whatever attempts are left, under the reason
/// it was rejected for.
///
/// Promise 5
pub async fn a_rejected_message_is_not_tried_again<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let reasons = [
        DeadLetterReason::Rejected,
        DeadLetterReason::Undecodable,
        DeadLetterReason::BadProvenance,
    ];
    let mut member = Member::join(&broker, "g").await;
    for reason in reasons {
        store(&broker, &[message(reason.as_str())]).await;
        let got = member.next().await;
        let nack = Nack::reject(got.token, reason, "no good");
        assert_eq!(member.nack(nack).await, Settled::DeadLettered(reason));
    }
    member.expect_nothing(&broker).await;
    let dead = dead_letters(&broker, "g").await;
    let found: Vec<_> = dead.iter().map(|d| (d.reason, d.attempts)).collect();
    assert_eq!(found, reasons.map(|reason| (reason, 1)));
    assert!(dead.iter().all(|d| &*d.detail == "no good"));
    let ended = dead[0].history.last().expect("the attempt is kept");
    assert_eq!(ended.outcome, AttemptOutcome::Rejected);
}

/// Of many attempts the last ten are kept, numbered as they were.
///
/// Promise 5
pub async fn a_history_keeps_the_last_ten<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[build(builder("stubborn").max_retries(24))]).await;
    let mut member = Member::join(&broker, "g").await;
    for attempt in 1..=25 {
        let got = member.next().await;
        assert_eq!(got.attempt, attempt, "the count goes on");
        member.retry(&got, Duration::ZERO, "failed").await;
    }
    let dead = only_dead_letter(&broker, "g").await;
    assert_eq!(dead.attempts, 25);
    let numbers: Vec<_> = dead.history.attempts().iter().map(|a| a.number).collect();
    assert_eq!(numbers, (16..=25).collect::<Vec<u32>>());
    assert!(dead.history.attempts().is_sorted_by_key(|a| a.at));
}

/// The history tells a failure from a time-out, a panic and an aborted attempt.
///
/// Promise 5
pub async fn how_an_attempt_ended_is_kept<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[build(builder("varied").max_retries(9))]).await;
    let mut member = Member::join(&broker, "g").await;
    let outcomes = [
        AttemptOutcome::TimedOut,
        AttemptOutcome::Panicked,
        AttemptOutcome::Aborted,
        AttemptOutcome::Failed,
    ];
    for outcome in outcomes {
        let got = member.next().await;
        let nack = Nack::retry(got.token, Duration::ZERO, "as told").outcome(outcome);
        member.nack(nack).await;
    }
    let got = member.next().await;
    let kept: Vec<_> = got.history.attempts().iter().map(|a| a.outcome).collect();
    assert_eq!(kept, outcomes);
}

/// An error text of any length and content is stored cut to 1 KiB, on one line.
///
/// Promise 14
pub async fn error_texts_are_cleaned_and_cut<F: Fixture>(f: F) {
    let broker = f.broker().await;
    store(&broker, &[message("noisy")]).await;
    let mut member = Member::join(&broker, "g").await;
    let got = member.next().await;
    let mut nack = Nack::retry(got.token, Duration::ZERO, "");
    // Around the constructor, which cleans it already.
    nack.error = format!("line 1\nline 2\0{}", "ä".repeat(5000)).into();
    member.nack(nack).await;
    let got = member.next().await;
    let kept = &got.history.last().expect("one attempt has ended").error;
    assert!(kept.len() <= 1024, "{} bytes", kept.len());
    assert!(kept.starts_with("line 1 line 2 ä"), "{:?}", &kept[..20]);
}
