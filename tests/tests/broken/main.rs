//! Deliberately broken backends, each a sound one with one thing bent: the suite must fail them,
//! and must pass the same backend unbent.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod bent;
mod judge;

use bent::{AcksEarly, LosesOnCrash, RetriesForEver, Sound};
use judge::failures;

#[test]
fn the_sound_backend_passes() {
    let failed = failures::<Sound>();
    assert_eq!(failed, Vec::<String>::new(), "nothing is bent here");
}

#[test]
fn a_backend_that_loses_what_is_unsettled_on_a_crash_fails() {
    assert_caught(
        &failures::<LosesOnCrash>(),
        &[
            "reconnect::unsettled_messages_survive_a_crash",
            "reconnect::acks_survive_a_crash",
            "reconnect::attempts_survive_a_crash",
        ],
    );
}

#[test]
fn a_backend_that_acks_before_the_handler_fails() {
    assert_caught(
        &failures::<AcksEarly>(),
        &[
            "redelivery::an_abandoned_delivery_comes_again",
            "redelivery::a_dropped_member_loses_nothing",
            "redelivery::a_crash_is_an_attempt",
            "retry::the_cap_is_checked_before_a_delivery",
            "lease::a_stale_ack_is_refused",
            "lease::a_second_settlement_is_stale",
            "health::lag_is_undelivered_and_pending",
            "reconnect::unsettled_messages_survive_a_crash",
        ],
    );
}

#[test]
fn a_backend_that_retries_for_ever_fails() {
    assert_caught(
        &failures::<RetriesForEver>(),
        &[
            "retry::a_message_is_tried_as_often_as_it_allows",
            "retry::a_message_without_retries_is_tried_once",
            "redelivery::a_nacked_message_comes_again",
            "dead_letter::a_dead_letter_is_complete",
            "consumer::a_hopeless_message_is_tried_exactly_as_allowed",
        ],
    );
}

fn assert_caught(failed: &[String], by: &[&str]) {
    let missed: Vec<_> = by
        .iter()
        .filter(|case| !failed.iter().any(|name| name == *case))
        .collect();
    assert!(
        missed.is_empty(),
        "passed a broken backend: {missed:?}; it was failed by {failed:?}"
    );
}
