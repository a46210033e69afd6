//! Dead letters: complete, listed, redriven once, purged, and dropped when they are old.

mod listing;
mod redriving;
mod undecodable;

pub use listing::*;
pub use redriving::*;
pub use undecodable::*;

use std::sync::Arc;

use glmsg_broker::Broker;
use glmsg_core::Message;

use crate::member::Member;
use crate::messages::{dead_letters, store};
use crate::{Case, Fixture};

#[doc(hidden)]
#[macro_export]
macro_rules! dead_letter_cases {
    ($then:ident $($args:tt)*) => {
        $crate::$then! { dead_letter ["dead_letter/listing.rs" "dead_letter/redriving.rs" "dead_letter/undecodable.rs"] [
            a_dead_letter_is_complete,
            dead_letters_are_listed_in_order_and_pages,
            dead_letters_are_selected,
            dead_letters_are_purged,
            old_dead_letters_are_dropped (Retention),
            a_redriven_message_comes_back_once,
            redriving_selects,
            a_redrive_is_for_its_group_alone,
            of_several_redrives_one_counts,
            redrives_that_nobody_polls_hold_up_no_others,
            a_redriven_message_may_die_again,
            a_redriven_message_waits_for_its_key (PerKeyOrder),
            bytes_that_are_no_message_become_one_dead_letter,
            undecodable_bytes_stay_dead_letters,
        ] $($args)* }
    };
}

pub(crate) fn all<F: Fixture>() -> Vec<Case<F>> {
    dead_letter_cases!(__list)
}

/// Publishes `messages`, and has the group `g` reject each of them.
async fn bury(broker: &Arc<dyn Broker>, messages: &[Message]) -> Member {
    let mut member = Member::join(broker, "g").await;
    store(broker, messages).await;
    for got in member.take(messages.len()).await {
        let why = format!(
            "rejected {}",
            String::from_utf8_lossy(got.message.payload())
        );
        member.reject(&got, &why).await;
    }
    assert_eq!(dead_letters(broker, "g").await.len(), messages.len());
    member
}
