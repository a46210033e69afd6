//! The consumer runtime over this backend: what most users use, on default settings wherever a
//! case does not need others.

mod backing_off;
mod draining;
mod handling;
mod leasing;
mod observing;
mod pausing;
mod retrying;
mod scaling;
mod subscribing;

pub use backing_off::*;
pub use draining::*;
pub use handling::*;
pub use leasing::*;
pub use observing::*;
pub use pausing::*;
pub use retrying::*;
pub use scaling::*;
pub use subscribing::*;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use glmsg_broker::{
    Broker, Consumer, ConsumerBuilder, ConsumerHandle, ConsumerReport, RetryPolicy,
};
use glmsg_core::MessageId;

use crate::messages::{group, topic};
use crate::patience::within;
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! consumer_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { consumer [
            "consumer/handling.rs" "consumer/retrying.rs" "consumer/backing_off.rs" "consumer/leasing.rs"
            "consumer/draining.rs" "consumer/scaling.rs" "consumer/subscribing.rs"
            "consumer/observing.rs" "consumer/pausing.rs"
        ] [
            what_is_handled_is_acked,
            a_payload_that_is_not_what_the_handler_takes_is_undecodable,
            undecodable_bytes_do_not_stop_a_consumer,
            a_tampered_message_is_not_handled,
            an_expired_message_is_not_handled (Ttl),
            wrong_names_are_reported_at_the_start,
            an_error_is_retried_and_never_dropped,
            a_panic_is_a_failed_attempt,
            a_time_out_is_a_failed_attempt,
            retries_follow_the_policy,
            a_handler_may_choose_the_delay,
            the_default_policy_backs_off,
            a_hopeless_message_is_tried_exactly_as_allowed,
            a_policy_may_allow_fewer_attempts,
            a_rejection_is_not_retried,
            the_cap_is_checked_before_the_handler_runs,
            order_by_key_holds_across_retries (PerKeyOrder),
            a_slow_handler_runs_once,
            a_message_that_waits_prefetched_stays,
            twenty_handlers_as_long_as_the_lease_run_once_each,
            a_late_ack_is_refused_and_counted,
            a_drain_finishes_what_runs_and_releases_the_rest,
            a_drain_tells_its_handlers,
            a_drain_out_of_time_strands_nothing,
            a_dropped_consumer_strands_nothing,
            ten_workers_work_at_once,
            workers_can_be_added_and_removed,
            consumers_share_a_group,
            a_hundred_consumers_of_one_group,
            a_subscription_renews_what_it_holds,
            a_dropped_delivery_comes_again,
            a_subscription_is_a_stream_of_deliveries,
            many_deliveries_are_acked_in_one_call,
            sending_says_whether_it_is_stored,
            a_replay_streams_to_the_end (Replay),
            statistics_tell_what_happened,
            the_metrics_layer_counts,
            a_paused_consumer_takes_nothing,
            what_waits_behind_a_closed_gate_goes_back,
            a_gate_lets_so_many_in,
            what_is_released_comes_again_uncounted,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    consumer_cases!(__list)
}

/// A consumer of the group `g` that retries at once, so that a case waits for nothing but events.
fn eager(broker: &Arc<dyn Broker>) -> ConsumerBuilder {
    patient(broker).retry(RetryPolicy::fixed(Duration::ZERO))
}

/// A consumer of the group `g` on default settings.
fn patient(broker: &Arc<dyn Broker>) -> ConsumerBuilder {
    Consumer::new(broker.clone(), topic(), group("g"))
}

/// Stops a consumer in good order.
async fn drain(consumer: ConsumerHandle) -> ConsumerReport {
    let drained = within("the drain", consumer.shutdown()).await;
    drained.expect("a consumer drains")
}

/// What handlers did, in the order they did it.
#[derive(Debug, Clone, Default)]
struct Journal(Arc<Mutex<Vec<(MessageId, u32)>>>);

impl Journal {
    fn note(&self, id: MessageId, attempt: u32) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push((id, attempt));
    }

    fn entries(&self) -> Vec<(MessageId, u32)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Each message once, as its first attempt.
    fn assert_each_once(&self, expected: &[MessageId]) {
        let mut entries = self.entries();
        entries.sort();
        let mut expected: Vec<_> = expected.iter().map(|id| (*id, 1)).collect();
        expected.sort();
        assert_eq!(entries, expected, "each message once, as attempt one");
    }
}

/// Keeps a manual clock running like a real one while a case waits for the runtime, whose timers
/// are the machine's. A clock that runs by itself needs nothing.
fn keep_time<F: Fixture>(f: &Arc<F>) -> Option<TimeKeeper> {
    F::has_manual_clock().then(|| {
        let f = f.clone();
        TimeKeeper(tokio::spawn(async move {
            let step = Duration::from_millis(10);
            let mut ticks = tokio::time::interval(step);
            loop {
                ticks.tick().await;
                f.pass(step).await;
            }
        }))
    })
}

/// Stops the clock when the case is over.
struct TimeKeeper(tokio::task::JoinHandle<()>);

impl Drop for TimeKeeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}
