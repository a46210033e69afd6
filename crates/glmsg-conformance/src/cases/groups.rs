//! Groups: each gets every message, its members share them, and it can be managed.

mod managing;
mod sharing;
mod starting;

pub use managing::*;
pub use sharing::*;
pub use starting::*;

use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! groups_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { groups ["groups/sharing.rs" "groups/starting.rs" "groups/managing.rs"] [
            every_group_gets_every_message,
            members_share_a_groups_messages,
            joins_that_nobody_polls_hold_up_no_others,
            a_member_that_ends_with_its_runtime_holds_up_no_others,
            a_retry_goes_only_to_its_group,
            a_dead_letter_belongs_to_its_group,
            a_group_may_start_at_the_end,
            a_group_may_start_at_a_message,
            a_group_may_start_at_a_time (Replay),
            a_group_may_start_behind_a_position (Replay),
            a_group_cannot_start_at_an_unknown_message,
            a_scheduled_message_reaches_groups_made_before_it_is_due (Scheduling),
            an_existing_group_keeps_its_start,
            groups_are_created_once_and_listed,
            a_deleted_group_ends_its_subscriptions,
            a_group_made_anew_starts_anew,
            a_deleted_topic_ends_its_subscriptions,
            members_are_listed (Members),
            unknown_names_are_not_found,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    groups_cases!(__list)
}
