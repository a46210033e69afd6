//! Health, lag and listings tell the truth.

use std::time::Duration;

use glmsg_broker::{HealthStatus, Severity};

use crate::member::Member;
use crate::messages::{build, builder, lag, message, numbered, store};
use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! health_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { health ["health.rs"] [
            a_working_broker_is_healthy,
            a_closed_broker_is_unhealthy_at_once,
            a_working_broker_has_no_severe_finding,
            lag_is_undelivered_and_pending,
            lag_follows_a_message_through_its_life,
            the_age_of_the_oldest_is_told,
            what_is_scheduled_is_no_lag (Scheduling),
            the_capability_is_what_the_fixture_says,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    health_cases!(__list)
}

/// A broker that can store and deliver says that it is healthy.
///
/// Promise 13
pub async fn a_working_broker_is_healthy<F: Fixture>(f: F) {
    let broker = f.broker().await;
    for _ in 0..2 {
        let health = within("a probe", broker.health()).await;
        assert_eq!(health.status, HealthStatus::Healthy, "{health:?}");
        assert_eq!(health.problem, None);
        store(&broker, &[message("and it does")]).await;
    }
}

/// A broker that can no longer store says so at the next probe, and what to do.
///
/// Promise 13
pub async fn a_closed_broker_is_unhealthy_at_once<F: Fixture>(f: F) {
    let broker = f.broker().await;
    within("the close", broker.close()).await.expect("closes");
    let health = within("a probe", broker.health()).await;
    assert_eq!(health.status, HealthStatus::Unhealthy);
    assert!(health.problem.is_some(), "it says what is wrong");
}

/// A broker that works says how it is set up: nothing by which messages can be lost, and what to do
/// about what needs a look. Looking changes nothing.
///
/// Promise 13
pub async fn a_working_broker_has_no_severe_finding<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut member = Member::join(&broker, "g").await;
    store(&broker, &numbered(3)).await;
    let got = member.next().await;
    let before = (lag(&broker, "g").await, broker.topics().await);
    for _ in 0..2 {
        let findings = within("the doctor", broker.doctor()).await;
        let findings = findings.expect("an answer");
        assert!(!findings.is_empty(), "there is something to say");
        for finding in findings {
            assert_ne!(finding.severity, Severity::Problem, "{finding}");
            assert!(!finding.what.is_empty(), "{finding:?}");
            let is_word = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(finding.subject.chars().all(is_word), "{finding:?}");
            let is_fine = finding.severity == Severity::Ok;
            assert!(is_fine || finding.remedy.is_some(), "{finding}");
        }
    }
    let after = (lag(&broker, "g").await, broker.topics().await);
    let counts = |lag: &glmsg_broker::Lag| (lag.undelivered, lag.in_flight, lag.delayed);
    assert_eq!(counts(&before.0), counts(&after.0));
    assert_eq!(before.1.expect("a list"), after.1.expect("a list"));
    member.ack(&got).await;
}

/// The lag counts what is undelivered and what is in flight, of this group alone.
///
/// Promise 13
pub async fn lag_is_undelivered_and_pending<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut member = Member::join(&broker, "g").await;
    let mut idle = Member::join(&broker, "idle").await;
    store(&broker, &numbered(10)).await;
    assert_eq!(lag(&broker, "g").await.undelivered, 10, "none was read");
    let got = member.take(4).await;
    let now = lag(&broker, "g").await;
    assert_eq!((now.undelivered, now.in_flight, now.total()), (6, 4, 10));
    member.ack_all(&got).await;
    let now = lag(&broker, "g").await;
    assert_eq!((now.undelivered, now.in_flight, now.total()), (6, 0, 6));
    assert_eq!(lag(&broker, "idle").await.undelivered, 10);
    idle.take(10).await;
}

/// Each step in a message's life moves it to where the lag counts it.
///
/// Promise 13
pub async fn lag_follows_a_message_through_its_life<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut member = Member::join(&broker, "g").await;
    let counts = async || {
        let l = lag(&broker, "g").await;
        [l.undelivered, l.in_flight, l.delayed, l.dead_letters]
    };
    assert_eq!(counts().await, [0, 0, 0, 0], "nothing yet");
    store(&broker, &[message("life")]).await;
    assert_eq!(counts().await, [1, 0, 0, 0], "published");
    let got = member.next().await;
    assert_eq!(counts().await, [0, 1, 0, 0], "delivered");
    member.release(&got).await;
    assert_eq!(counts().await, [0, 0, 1, 0], "released");
    let got = member.next().await;
    member.retry(&got, Duration::ZERO, "again").await;
    assert_eq!(counts().await, [0, 0, 1, 0], "given back as failed");
    let got = member.next().await;
    assert_eq!(counts().await, [0, 1, 0, 0], "delivered again");
    member.reject(&got, "bad").await;
    assert_eq!(counts().await, [0, 0, 0, 1], "a dead letter");
    let all = glmsg_broker::DeadLetterSelector::All;
    crate::messages::redrive(&broker, "g", &all).await;
    assert_eq!(counts().await, [0, 0, 1, 0], "redriven");
    let got = member.next().await;
    member.ack(&got).await;
    assert_eq!(counts().await, [0, 0, 0, 0], "acked");
    assert_eq!(lag(&broker, "g").await.oldest_age, None);
}

/// The lag tells the age of the oldest message that is not acked, whatever state it is in.
///
/// Promise 13
pub async fn the_age_of_the_oldest_is_told<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let mut member = Member::join(&broker, "g").await;
    assert_eq!(lag(&broker, "g").await.oldest_age, None, "there is none");
    store(&broker, &[message("old")]).await;
    f.pass(Duration::from_millis(200)).await;
    store(&broker, &[message("new")]).await;
    let age = async || lag(&broker, "g").await.oldest_age.expect("there is one");
    let whole = Duration::from_millis(200);
    assert!(age().await >= whole, "undelivered");
    let got = member.next().await;
    assert!(age().await >= whole, "in flight");
    member.retry(&got, Duration::from_secs(3600), "later").await;
    assert!(age().await >= whole, "delayed");
    f.pass(Duration::from_millis(50)).await;
    assert!(age().await >= Duration::from_millis(250), "it grows");
}

/// A message that is scheduled for later is no lag, until it is due.
///
/// Promise 13
pub async fn what_is_scheduled_is_no_lag<F: Fixture>(f: F) {
    let broker = f.broker().await;
    let _member = Member::join(&broker, "g").await;
    let soon = 10 * F::soon();
    store(&broker, &[build(builder("soon").delay(soon))]).await;
    let hour = Duration::from_secs(3600);
    store(&broker, &[build(builder("late").delay(hour))]).await;
    assert_eq!(
        lag(&broker, "g").await.oldest_age.map(|age| age < soon),
        None
    );
    f.pass(soon).await;
    assert_eq!(
        lag(&broker, "g").await.undelivered,
        1,
        "the one that is due"
    );
    let topics = broker.topics().await.expect("a list");
    assert_eq!((topics[0].messages, topics[0].scheduled), (2, 1));
}

/// A broker declares the capability that its fixture does.
pub async fn the_capability_is_what_the_fixture_says<F: Fixture>(f: F) {
    let broker = f.broker().await;
    assert_eq!(broker.capability(), F::capability());
    assert!(!broker.name().is_empty());
}
