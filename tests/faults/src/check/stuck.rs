//! I3: nothing is stuck.

use super::story::Story;
use super::{Counted, Expectation, Finding, Violation};
use crate::ledger::What;

pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    let mut violations = Vec::new();
    for (group, remains) in &expectation.groups {
        let places = [
            ("waits", &remains.backlog),
            ("is held", &remains.pending),
            ("is delayed", &remains.delayed),
        ];
        for (how, ids) in places {
            let text = format!("still {how} for group {group}");
            violations.extend(ids.iter().map(|id| Violation::of(id, text.clone())));
        }
        let counted = remains.counted.unwrap_or_default();
        if counted != Counted::default() {
            let Counted {
                backlog,
                pending,
                delayed,
            } = counted;
            let text = format!(
                "group {group} still has {backlog} waiting, {pending} held, {delayed} delayed"
            );
            violations.push(Violation::of_all(text));
        }
    }
    if let Some(bound) = expectation.quiet_within {
        let bound = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        let published = story
            .published
            .values()
            .flat_map(|one| one.tries.iter().chain(&one.stored));
        let healed = story.faults.iter().filter_map(|fault| fault.end.as_ref());
        let calm = published.chain(healed).max().copied().unwrap_or(0);
        for event in &story.events {
            if let What::Done { id, group } = &event.what
                && event.at > calm.saturating_add(bound)
            {
                let late = (event.at - calm) / 1_000_000;
                let text = format!("done for group {group} only {late} ms after all was calm");
                violations.push(Violation::of(id, text));
            }
        }
    }
    Some(violations)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::hand::hand;
    use super::super::{Invariant, Remains, check};
    use super::*;

    const GOOD: &str = "0 p pub_try m\n1 p pub_ok m\n2 c recv m\n50 c done m";

    fn broken(expectation: &Expectation) -> Vec<Invariant> {
        check(&hand(GOOD), expectation).broken()
    }

    #[test]
    fn an_empty_store_is_not_stuck() {
        let expectation = Expectation::for_groups(["g"]);
        let nothing = Remains {
            counted: Some(Counted::default()),
            ..Remains::default()
        };
        assert!(broken(&expectation.remains("g", nothing)).is_empty());
    }

    #[test]
    fn what_is_left_is_stuck() {
        let ids = || ["m".to_owned()].into();
        let left = [
            Remains {
                backlog: ids(),
                ..Remains::default()
            },
            Remains {
                pending: ids(),
                ..Remains::default()
            },
            Remains {
                delayed: ids(),
                ..Remains::default()
            },
            Remains {
                counted: Some(Counted {
                    pending: 1,
                    ..Counted::default()
                }),
                ..Remains::default()
            },
        ];
        for remains in left {
            let expectation = Expectation::for_groups(["g"]).remains("g", remains.clone());
            assert_eq!(broken(&expectation), [Invariant::I3], "{remains:?}");
        }
    }

    #[test]
    fn what_is_done_late_was_stuck() {
        let within = |ms| Expectation::for_groups(["g"]).quiet_within(Duration::from_millis(ms));
        assert!(broken(&within(49)).is_empty());
        assert_eq!(broken(&within(48)), [Invariant::I3]);
    }
}
