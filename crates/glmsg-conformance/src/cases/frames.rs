//! Frames: messages that are stored together are still each on their own.

mod configuring;
mod counting;
mod crashing;
mod publishing;
mod receiving;
mod replaying;
mod settling;

pub use configuring::*;
pub use counting::*;
pub use crashing::*;
pub use publishing::*;
pub use receiving::*;
pub use replaying::*;
pub use settling::*;

use std::sync::Arc;

use glmsg_broker::{Broker, Frames, TopicConfig};
use glmsg_core::Message;

use crate::member::Member;
use crate::messages::{numbered, store, topic};
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! frames_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { frames ["frames/configuring.rs" "frames/publishing.rs" "frames/receiving.rs"
            "frames/settling.rs" "frames/crashing.rs" "frames/counting.rs" "frames/replaying.rs"] [
            the_option_is_kept_and_can_be_changed (Frames),
            impossible_frames_are_refused (Frames),
            order_by_key_is_kept_or_refused (Frames PerKeyOrder),
            a_message_is_known_inside_and_across_frames (Frames IdempotentPublish),
            concurrent_publishes_are_each_stored_once (Frames),
            messages_that_cannot_share_keep_their_order (Frames Priorities Scheduling),
            frames_and_single_messages_share_a_topic (Frames),
            a_receive_may_be_smaller_than_a_frame (Frames),
            a_small_buffer_handles_a_large_frame (Frames),
            what_waits_of_a_frame_goes_back_uncounted (Frames),
            a_renewal_keeps_what_waits_of_a_frame (Frames),
            each_message_has_its_own_settlement (Frames),
            acks_of_a_frame_come_in_any_order (Frames),
            a_second_settlement_of_a_part_is_stale (Frames),
            each_message_has_its_own_retries (Frames),
            each_message_has_its_own_time_to_live (Frames Ttl),
            a_message_may_expire_while_its_frame_waits (Frames Ttl),
            each_group_has_its_own_progress_in_a_frame (Frames),
            a_dead_letter_of_a_frame_is_redriven_alone (Frames),
            a_crash_gives_back_what_is_not_finished (Frames),
            a_poison_message_takes_no_neighbour_along (Frames),
            a_former_holder_of_a_frame_settles_nothing (Frames),
            a_partly_finished_frame_survives_a_crash (Frames Reopen),
            lag_counts_messages_and_not_frames (Frames),
            members_hold_messages_and_not_frames (Frames Members),
            a_full_topic_counts_messages (Frames Retention),
            an_unfinished_frame_is_not_dropped (Frames Retention),
            the_oldest_frame_goes_where_chosen (Frames Retention),
            a_replay_goes_on_within_a_frame (Frames Replay),
            a_group_may_start_within_a_frame (Frames Replay),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    frames_cases!(__list)
}

/// Makes the suite's topic one with frames.
async fn frame(broker: &Arc<dyn Broker>, config: TopicConfig) {
    let config = config.frames(Frames::default());
    let made = broker.create_topic(&topic(), &config).await;
    made.expect("a topic with frames");
}

/// A topic that holds `n` messages of one publish, and those.
async fn framed<F: Fixture>(f: &F, n: usize) -> (Arc<dyn Broker>, Vec<Message>) {
    let broker = f.broker().await;
    frame(&broker, TopicConfig::default()).await;
    let messages = numbered(n);
    store(&broker, &messages).await;
    (broker, messages)
}

/// Fails unless the group has nothing left to do, and nothing comes.
async fn assert_done(broker: &Arc<dyn Broker>, name: &str) {
    assert_eq!(crate::messages::lag(broker, name).await.total(), 0);
    Member::join(broker, name)
        .await
        .expect_nothing(broker)
        .await;
}
