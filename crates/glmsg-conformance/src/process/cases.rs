//! The process-level cases, one module for each way a process can end.

mod killing;
mod poison;
mod sharing;
mod stopping;
mod storing;

pub use killing::*;
pub use poison::*;
pub use sharing::*;
pub use stopping::*;
pub use storing::*;

use super::ProcessCase;
use crate::Fixture;

#[doc(hidden)]
#[macro_export]
macro_rules! process_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { [
            "cases/killing.rs" "cases/poison.rs" "cases/sharing.rs" "cases/stopping.rs"
            "cases/storing.rs"
        ] [
            unacked_messages_survive_kill_9,
            prefetched_messages_survive_kill_9,
            nothing_is_lost_whenever_a_worker_is_killed,
            a_killed_publisher_loses_nothing_it_reported,
            a_delayed_retry_survives_kill_9,
            a_scheduled_message_survives_kill_9,
            a_message_that_aborts_its_process_is_dead_lettered,
            a_panicking_handler_does_not_end_its_process,
            a_failing_handler_loses_nothing,
            two_processes_share_a_group,
            a_publish_wakes_another_process,
            a_paused_worker_cannot_ack_what_another_took_over,
            a_stopped_worker_strands_nothing,
            an_idle_worker_stops_when_told,
            a_log_has_no_gap_whenever_its_writer_is_killed,
        ] $($args)* }
    };
}

pub(super) fn all<F: Fixture>() -> Vec<ProcessCase<F>> {
    process_cases!(__process_list)
}
