//! The suite on the Redis backend where every topic has frames unless it is created without.

use glmsg_conformance::{catalog, run_case};
use glmsg_tests::Redis7Framed;

/// What is otherwise with frames, and why that must be so.
const OTHERWISE: &[(&str, &[&str])] = &[
    // A frame goes to a member as a whole: what it has not handed out yet counts as in flight, and
    // comes before what is published or returned later.
    ("health", &["lag_is_undelivered_and_pending"]),
    (
        "priority",
        &[
            "an_urgent_latecomer_overtakes",
            "the_lowest_still_moves",
            "lanes_are_picked_as_by_the_shared_picker",
            "a_retry_keeps_its_priority",
        ],
    ),
    ("redelivery", &["returned_messages_come_before_new_ones"]),
    // No group keeps the order of keys there. `frames::order_by_key_is_kept_or_refused` sees that it
    // is refused.
    ("consumer", &["order_by_key_holds_across_retries"]),
    ("dead_letter", &["a_redriven_message_waits_for_its_key"]),
    (
        "ordering",
        &[
            "a_key_goes_on_behind_a_dead_letter",
            "a_key_waits_for_a_released_message",
            "a_key_waits_for_its_retry",
            "one_message_of_a_key_at_a_time",
            "other_keys_are_not_held_up",
            "two_members_never_hold_one_key",
            "what_waits_for_its_key_is_delayed",
        ],
    ),
];

/// Runs the cases of a group, but for those that are otherwise.
fn run_group(group: &str) {
    let mut names: Vec<_> = catalog::<Redis7Framed>()
        .iter()
        .filter(|case| case.group == group)
        .map(|case| case.name)
        .collect();
    assert!(!names.is_empty(), "the suite has no group {group}");
    let otherwise = OTHERWISE.iter().filter(|(of, _)| *of == group);
    for name in otherwise.flat_map(|(_, names)| names.iter()) {
        assert!(
            names.contains(name),
            "the suite has no case {group}::{name}"
        );
        names.retain(|other| other != name);
    }
    for name in names {
        println!("{group}::{name}");
        run_case::<Redis7Framed>(group, name);
    }
}

macro_rules! groups {
    ($($group:ident)+) => {
        $(
            #[test]
            fn $group() {
                run_group(stringify!($group));
            }
        )+

        #[test]
        fn no_group_is_left_out() {
            let mut all: Vec<_> = catalog::<Redis7Framed>().iter().map(|case| case.group).collect();
            all.dedup();
            assert_eq!(all, [$(stringify!($group)),+]);
        }
    };
}

groups!(delivery batch ordering groups redelivery lease retry ttl priority dead_letter replay
    retention idempotence limits shutdown reconnect consumer health frames live storage);

mod across_processes {
    use glmsg_tests::Redis7Framed;

    glmsg_conformance::process_suite!(Redis7Framed; worker = env!("CARGO_BIN_EXE_worker"),
        url = Redis7Framed::url);
}
