//! Which messages were put into the store more than once. A part of I4.

use std::collections::{BTreeMap, BTreeSet};

use super::Expectation;
use super::partitions::{may_move, may_repeat};
use super::passage::{Delivery, Passage};
use super::story::Story;

/// The ids that are stored more than once, and how that is known.
///
/// There are three ways to know: the store's own count, two stored positions of one id, and two first deliveries to one
/// group of a message that was neither given back nor redriven in between.
pub(super) fn duplicate_stores<'a>(
    story: &Story<'a>,
    expectation: &'a Expectation,
) -> BTreeMap<&'a str, String> {
    let mut found = BTreeMap::new();
    for (id, times) in &expectation.times_stored {
        if *times > 1 {
            found.insert(id.as_str(), format!("stored {times} times"));
        }
    }
    let mut deliveries: BTreeMap<&str, Vec<&Delivery<'_>>> = BTreeMap::new();
    for ((group, id), passage) in &story.passages {
        deliveries
            .entry(id)
            .or_default()
            .extend(&passage.deliveries);
        let first = first_deliveries(story, expectation, passage);
        if first > 1 && !forgiven(story, expectation, passage.deliveries.iter()) {
            let text = format!(
                "stored again: delivered to group {group} for the first time {first} times"
            );
            found.entry(id).or_insert(text);
        }
    }
    for (id, deliveries) in deliveries {
        let positions: BTreeSet<&str> = deliveries.iter().filter_map(|one| one.position).collect();
        if positions.len() > 1
            && !expectation.places_change
            && !forgiven(story, expectation, deliveries.into_iter())
        {
            let positions: Vec<&str> = positions.into_iter().collect();
            let text = format!("stored again: it is at {}", positions.join(" and "));
            found.entry(id).or_insert(text);
        }
    }
    found
}

/// How many first deliveries there were that nothing but a copy explains, and the first of all.
fn first_deliveries(story: &Story<'_>, expectation: &Expectation, passage: &Passage<'_>) -> usize {
    let deliveries = || passage.deliveries.iter();
    let first = deliveries().filter(|one| one.attempt == 1).count();
    let returned = deliveries().filter(|one| one.released()).count();
    // One that nobody could write down before its partition went to another.
    let untold = deliveries().filter(|one| one.attempt == 1);
    let mut untold: Vec<_> = untold.collect();
    untold.sort_by_key(|one| one.at);
    let untold = untold.windows(2).filter(|pair| {
        !pair[0].released()
            && (may_move(story, expectation, pair[0], pair[1])
                || may_repeat(story, expectation, pair[0], pair[1].at))
    });
    let returned = returned + untold.count();
    first.saturating_sub(returned + passage.redrives.len())
}

/// Whether the store may have lost the message in between, so that a publisher had to send it again.
fn forgiven<'b, 'a: 'b>(
    story: &Story<'a>,
    expectation: &Expectation,
    deliveries: impl Iterator<Item = &'b Delivery<'a>> + Clone,
) -> bool {
    let first = deliveries.clone().map(|one| one.at).min().unwrap_or(0);
    let last = deliveries.map(|one| one.at).max().unwrap_or(0);
    story.may_have_forgotten(expectation, first, last)
}

#[cfg(test)]
mod tests {
    use super::super::hand::{hand, judge};
    use super::super::{Invariant, Loss, check};
    use super::*;

    const STORED: &str = "0 p pub_try m\n1 p pub_indeterminate m\n2 p pub_try m\n3 p pub_ok m\n";

    fn twice(how: &str) -> bool {
        let report = judge(&format!("{STORED}{how}"));
        assert_eq!(
            report.counts.duplicate_stores == 1,
            !report.is_ok(),
            "{report}"
        );
        report.ids(Invariant::I4).contains("m")
    }

    #[test]
    fn one_copy_is_one_store() {
        assert!(!twice("4 c recv m position=1-0\n5 c done m"));
        let retried = "4 c recv m attempt=1 position=1-0\n5 c nack m accepted\n6 d recv m attempt=2 position=1-0\n7 d done m";
        assert!(!twice(retried));
        assert!(!twice(
            "4 c recv m\n5 c release m accepted\n6 d recv m\n7 d done m"
        ));
        assert!(!twice(
            "4 c recv m\n5 c nack m dead\n6 o redrive m\n7 d recv m\n8 d done m"
        ));
    }

    #[test]
    fn two_positions_are_two_stores() {
        assert!(twice(
            "4 c recv m position=1-0\n5 c done m\n6 c ack m accepted\n7 c recv m position=2-0\n8 c done m"
        ));
    }

    #[test]
    fn two_first_deliveries_are_two_stores() {
        assert!(twice(
            "4 c recv m attempt=1\n5 c done m\n6 c ack m accepted\n7 d recv m attempt=1\n8 d done m"
        ));
    }

    #[test]
    fn the_count_of_the_store_is_believed() {
        let ledger = hand(&format!("{STORED}4 c recv m\n5 c done m"));
        let stored = |times| Expectation::for_groups(["g"]).times_stored([("m".to_owned(), times)]);
        assert!(check(&ledger, &stored(1)).is_ok());
        let report = check(&ledger, &stored(2));
        assert_eq!(report.broken(), [Invariant::I4]);
        assert_eq!(report.counts.duplicate_stores, 1);
        assert!(check(&ledger, &stored(2).duplicate_stores(1)).is_ok());
    }

    #[test]
    fn what_was_lost_may_be_sent_again() {
        let again = "4 c recv m position=1-0\n5 c done m\n6 s fault_begin flush\n7 s fault_end flush\n8 c recv m position=1-1\n9 c done m";
        assert!(twice(again), "nothing may be lost here");
        let ledger = hand(&format!("{STORED}{again}"));
        let loss = Expectation::for_groups(["g"]).loss(Loss::Reported);
        check(&ledger, &loss).assert_ok();
    }
}
