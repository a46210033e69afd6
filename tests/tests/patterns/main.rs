//! The coordination patterns, each case on every backend. A case is an
//! `async fn name<F: Fixture>(f: F)` in the file of its pattern.
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, which tell what they counted"
)]

mod circuit_breaker;
mod event_sourcing;
mod inbox;
mod outbox;
mod pub_sub;
mod request_reply;
mod saga;
mod work_queue;

use std::future::Future;
use std::time::Duration;

use glmsg_conformance::Fixture;

/// The program of the processes that cases start.
const PATTERN: &str = env!("CARGO_BIN_EXE_pattern");

/// How long a case may take before it counts as hung.
const CASE_PATIENCE: Duration = Duration::from_secs(300);

/// Runs a case in a runtime of its own, on a fresh store.
fn run<F: Fixture, R: Future<Output = ()> + Send + 'static>(case: impl FnOnce(F) -> R) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a tokio runtime starts");
    runtime.block_on(async {
        let case = tokio::spawn(case(F::new().await));
        match tokio::time::timeout(CASE_PATIENCE, case).await {
            Ok(Ok(())) => {}
            Ok(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => panic!("the case did not end within {} s", CASE_PATIENCE.as_secs()),
        }
    });
}

/// The tests of some patterns' cases on one backend, in a module of the backend's name.
macro_rules! on {
    ($backend:ident $fixture:ident; $($pattern:ident [$($case:ident)*])*) => {
        mod $backend {
            $(mod $pattern {
                $(#[test]
                fn $case() {
                    crate::run(crate::$pattern::$case::<glmsg_tests::$fixture>);
                })*
            })*
        }
    };
}

/// The list of cases, made into tests of every backend.
macro_rules! cases {
    ($($all:tt)*) => {
        on! { memory Memory; $($all)* }
        on! { sqlite Sqlite; $($all)* }
        on! { redis Redis7; $($all)* }
        on! { kafka Kafka; $($all)* }
    };
}

cases! {
    circuit_breaker [
        an_outage_spends_no_attempt
        probes_of_a_consumer_are_bounded
        others_of_the_group_go_on
    ]
    event_sourcing [
        sixteen_writers_leave_no_gap_and_their_conflicts_add_up
        a_conflict_tells_the_actual_version
        a_replay_begins_at_any_version_or_time
        what_agents_did_is_found_by_agent_type_and_time
        a_subscription_goes_on_where_it_was_and_follows
        a_projection_takes_in_every_event_once
        a_projection_that_is_stopped_is_what_it_saved
        a_snapshot_spares_the_events_before_it
        every_kind_of_tampering_is_found_and_named
        a_stream_written_anew_is_found_by_a_checkpoint_kept_elsewhere
        a_cut_stream_is_not_appended_to
        what_was_exported_is_imported_as_it_was
    ]
    inbox [
        of_many_claims_one_wins
        what_is_done_is_not_handled_again
        a_claim_of_the_dead_lapses
        a_claim_that_was_taken_over_is_worth_nothing
        the_window_passes
        a_failure_gives_the_key_back
        a_message_that_comes_thrice_is_handled_once
    ]
    outbox [
        what_is_committed_is_published_though_the_shop_is_killed
        several_relays_lose_nothing
    ]
    pub_sub [
        a_wildcard_delivers
        every_form_of_wildcard
        a_new_topic_is_read_from_its_beginning
        what_comes_while_nobody_runs_waits
        names_get_everything_and_programs_share
        a_deleted_topic_ends_nothing
        unsubscribing_leaves_nothing
        topics_share_the_handlers
        stopping_gives_back_what_was_not_begun
        waiting_for_a_turn_is_no_time_out
        live_is_heard_or_refused
    ]
    request_reply [
        answers_are_typed_and_errors_are_answers
        a_thousand_at_a_time
        who_was_never_there_is_unavailable_at_once
        urgent_requests_are_answered_first
        late_and_second_replies_are_dropped
        requests_under_way_are_bounded
        what_nobody_waits_for_is_not_handled
        a_dropped_requester_leaves_nothing
        a_late_reply_brings_no_inbox_back
        a_killed_requester_leaves_nothing
        every_request_gets_its_answer_though_responders_are_killed
    ]
    saga [
        steps_run_in_order_and_hand_on_what_they_return
        what_was_done_is_undone_in_reverse_with_its_own_output
        a_step_is_tried_again_as_its_policy_says
        what_is_in_doubt_is_undone_without_an_output
        a_compensation_that_keeps_failing_parks_the_saga_until_asked
        a_saga_stays_on_the_version_it_began_with
        sagas_are_listed_by_status_and_name_page_by_page
        a_service_runs_what_was_left
        an_owner_that_wakes_up_late_is_shut_out
        a_saga_goes_on_wherever_it_was_cut_off
        two_that_resume_at_once_do_no_step_twice
    ]
    work_queue [
        every_task_is_done_once
        urgent_tasks_come_first
        tenants_beyond_the_bound_share
        a_nack_that_fails_ends_no_worker
        dead_workers_are_replaced
        idle_workers_stop_at_once
        workers_can_be_added_and_removed
        blocking_handlers_are_off_the_event_loop
        bounds_on_what_runs_are_kept
        a_rate_is_kept
        a_backlog_holds_up_nobody_else
        a_larger_share_is_more_turns
        progress_and_results_can_be_awaited
        a_dead_task_is_told
        others_do_what_a_killed_process_had
    ]
}
