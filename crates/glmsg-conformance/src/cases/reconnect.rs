//! After a crash: the store is opened again, and everything that was promised is there.

mod crashing;
mod sharing;

pub use crashing::*;
pub use sharing::*;

use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! reconnect_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { reconnect ["reconnect/crashing.rs" "reconnect/sharing.rs"] [
            stored_messages_survive_a_crash (Reopen),
            acks_survive_a_crash (Reopen),
            unsettled_messages_survive_a_crash (Reopen),
            a_delayed_retry_survives_a_crash (Reopen),
            a_scheduled_message_survives_a_crash (Reopen Scheduling),
            attempts_survive_a_crash (Reopen),
            dead_letters_survive_a_crash (Reopen),
            topics_and_groups_survive_a_crash (Reopen PerKeyOrder Retention),
            duplicates_are_known_after_a_crash (Reopen IdempotentPublish),
            positions_survive_a_crash (Reopen Replay),
            handles_share_one_store (MultiProcess),
            a_publish_wakes_a_member_of_another_handle (MultiProcess),
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    reconnect_cases!(__list)
}
