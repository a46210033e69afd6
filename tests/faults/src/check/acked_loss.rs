//! I1: what the store said it has is not lost.

use std::time::Duration;

use super::story::Story;
use super::{Expectation, Finding, Loss, Violation};
use crate::ledger::What;

/// A message that a group neither handled nor holds.
pub(super) struct Lost<'a> {
    pub(super) id: &'a str,
    pub(super) group: &'a str,
    /// When the store last said that it has it.
    pub(super) stored: u64,
    how: &'static str,
}

/// Everything that was stored and is gone.
pub(super) fn lost<'a>(story: &Story<'a>, expectation: &'a Expectation) -> Vec<Lost<'a>> {
    let mut lost = Vec::new();
    for (id, published) in &story.published {
        let Some(stored) = published.stored.last().copied() else {
            continue;
        };
        for (group, remains) in &expectation.groups {
            let passage = story.passages.get(&(group.as_str(), *id));
            let is_done = passage.is_some_and(|passage| passage.done().next().is_some());
            if is_done || remains.holds(id) || remains.dead_letters(id) > 0 {
                continue;
            }
            let is_dead = passage.is_some_and(super::passage::Passage::ended_dead);
            let how = match (is_dead, &remains.dead) {
                (true, None) => continue,
                (true, Some(_)) => "became a dead letter, and is not among the dead letters",
                _ if passage.is_some() => "was delivered, and neither handled nor kept",
                _ => "was stored, and neither delivered nor kept",
            };
            lost.push(Lost {
                id,
                group,
                stored,
                how,
            });
        }
    }
    lost
}

/// How many losses the system told of by itself.
pub(super) fn reported(story: &Story<'_>) -> u64 {
    let told = story.events.iter().map(|event| match event.what {
        What::LossReported { count } => count,
        _ => 0,
    });
    told.sum()
}

pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    let lost = lost(story, expectation);
    let reported = reported(story);
    let number = u64::try_from(lost.len()).unwrap_or(u64::MAX);
    let is_told = match expectation.loss {
        Loss::Forbidden => lost.is_empty(),
        Loss::Reported => lost.is_empty() || reported > 0,
        Loss::Counted => reported >= number,
    };
    let mut violations = Vec::new();
    if !is_told && expectation.loss == Loss::Counted && reported > 0 {
        let text = format!("{number} are lost, and only {reported} were reported");
        violations.push(Violation::of_all(text));
    }
    for one in lost {
        let Lost { id, group, how, .. } = one;
        if !is_told {
            let unreported = match expectation.loss {
                Loss::Forbidden => "",
                _ => ", and the loss was not reported",
            };
            let text = format!("{how} by group {group}{unreported}");
            violations.push(Violation::of(id, text));
        } else if let Some(window) = expectation.loss_within
            && !is_near_a_fault(story, one.stored, window)
        {
            let text = format!("{how} by group {group}, and no fault was within {window:?}");
            violations.push(Violation::of(id, text));
        }
    }
    Some(violations)
}

fn is_near_a_fault(story: &Story<'_>, stored: u64, window: Duration) -> bool {
    let window = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
    story.faulty(stored, stored.saturating_add(window))
}

#[cfg(test)]
mod tests {
    use super::super::hand::hand;
    use super::super::{DeadLetter, Invariant, Remains, Report, check};
    use super::*;

    fn judge(text: &str, expectation: Expectation) -> Report {
        check(&hand(text), &expectation.only([Invariant::I1]))
    }

    fn expectation() -> Expectation {
        Expectation::for_groups(["g"])
    }

    fn remains(ids: &[&str]) -> Remains {
        Remains {
            backlog: ids.iter().map(|id| (*id).to_owned()).collect(),
            ..Remains::default()
        }
    }

    fn letter(id: &str) -> DeadLetter {
        DeadLetter {
            id: id.to_owned(),
            attempts: 1,
        }
    }

    const STORED: &str = "0 p pub_try m\n1 p pub_ok m\n";

    #[test]
    fn done_dead_and_stored_are_no_loss() {
        judge(&format!("{STORED}2 c recv m\n3 c done m"), expectation()).assert_ok();
        judge(
            &format!("{STORED}2 c recv m\n3 c dead m poison"),
            expectation(),
        )
        .assert_ok();
        judge(STORED, expectation().remains("g", remains(&["m"]))).assert_ok();
        let dead = Remains::dead([letter("m")]);
        judge(STORED, expectation().remains("g", dead)).assert_ok();
        let unknown =
            format!("{STORED}2 c recv m\n3 c done m\n4 p pub_try n\n5 p pub_indeterminate n");
        judge(&unknown, expectation()).assert_ok();
    }

    #[test]
    fn what_was_stored_and_vanished_is_lost() {
        let report = judge(STORED, expectation());
        assert_eq!(report.ids(Invariant::I1), ["m"].into());
        assert_eq!(report.counts.lost, 1);
        // Acked before the handler, and the handler died.
        let early = format!("{STORED}2 c recv m\n3 c ack m accepted\n4 c crash");
        assert_eq!(judge(&early, expectation()).broken(), [Invariant::I1]);
        // A duplicate answer is a promise as well.
        let duplicate = "0 p pub_try m\n1 p pub_indeterminate m\n2 p pub_try m\n3 p pub_dup m";
        assert_eq!(judge(duplicate, expectation()).broken(), [Invariant::I1]);
    }

    #[test]
    fn each_group_must_get_it() {
        let text = format!("{STORED}2 c recv m\n3 c done m");
        let report = judge(&text, Expectation::for_groups(["g", "h"]));
        let violations = report.violations(Invariant::I1);
        assert!(violations.len() == 1 && violations[0].text.contains("group h"));
    }

    #[test]
    fn a_dead_letter_that_vanished_is_lost() {
        let text = format!("{STORED}2 c recv m\n3 c dead m poison");
        let none = expectation().remains("g", Remains::dead([]));
        assert_eq!(judge(&text, none.clone()).broken(), [Invariant::I1]);
        let redriven = format!("{text}\n4 o redrive m");
        assert_eq!(judge(&redriven, none.clone()).broken(), [Invariant::I1]);
        let handled = format!("{redriven}\n5 c recv m\n6 c done m");
        judge(&handled, none).assert_ok();
    }

    #[test]
    fn an_allowed_loss_must_be_told() {
        let told = format!("{STORED}2 s loss_reported count=1");
        judge(&told, expectation().loss(Loss::Reported)).assert_ok();
        judge(&told, expectation().loss(Loss::Counted)).assert_ok();
        assert!(!judge(STORED, expectation().loss(Loss::Reported)).is_ok());
        assert!(!judge(&told, expectation()).is_ok(), "not allowed at all");
        let two = format!("{told}\n3 p pub_try n\n4 p pub_ok n");
        judge(&two, expectation().loss(Loss::Reported)).assert_ok();
        let report = judge(&two, expectation().loss(Loss::Counted));
        assert_eq!(report.ids(Invariant::I1), ["m", "n"].into());
    }

    #[test]
    fn an_allowed_loss_is_near_its_fault() {
        let told = |begin: u64, end: u64| {
            format!(
                "{STORED}{begin} s fault_begin kill\n{end} s fault_end kill\n{end} s loss_reported count=1"
            )
        };
        let near = || {
            let loss = expectation().loss(Loss::Reported);
            loss.loss_within(Duration::from_millis(100))
        };
        judge(&told(90, 95), near()).assert_ok();
        assert!(!judge(&told(150, 160), near()).is_ok());
    }
}
