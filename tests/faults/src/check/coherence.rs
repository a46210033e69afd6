//! I0: the ledger can be judged.

use super::story::Story;
use super::{Expectation, Finding, Violation};

/// Without this a case that did nothing would hold everything.
pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    let mut violations = Vec::new();
    let published = story
        .published
        .values()
        .filter(|published| !published.stored.is_empty())
        .count();
    if published < expectation.published {
        let wanted = expectation.published;
        let text = format!("{published} messages were published, and the case wants {wanted}");
        violations.push(Violation::of_all(text));
    }
    if story.faults.len() < expectation.faults {
        let (faults, wanted) = (story.faults.len(), expectation.faults);
        let text = format!("{faults} faults began, and the case wants {wanted}");
        violations.push(Violation::of_all(text));
    }
    for fault in &story.endless {
        let text = format!("the fault `{fault}` ended and had not begun");
        violations.push(Violation::of_all(text));
    }
    for name in &expectation.unhealthy_during {
        if !story.faults.iter().any(|fault| fault.name == name) {
            let text = format!("the fault `{name}` never happened");
            violations.push(Violation::of_all(text));
        }
    }
    for (id, published) in &story.published {
        if published.untried > 0 {
            let text = "a publish had an outcome and was not tried";
            violations.push(Violation::of(id, text));
        }
    }
    for ((group, id), passage) in &story.passages {
        if !expectation.groups.contains_key(*group) {
            let text = format!("`{group}` is none of the groups of this case");
            violations.push(Violation::of(id, text));
        }
        for (process, step) in &passage.strays {
            let text = format!("{step} by {process}, which had not received it");
            violations.push(Violation::of(id, text));
        }
    }
    Some(violations)
}

#[cfg(test)]
mod tests {
    use super::super::hand::{hand, judge};
    use super::super::{Invariant, check};
    use super::*;

    const GOOD: &str = "0 p pub_try m\n1 p pub_ok m\n2 c recv m\n3 c done m\n4 c ack m accepted";

    fn broken(text: &str) -> usize {
        judge(text).violations(Invariant::I0).len()
    }

    #[test]
    fn a_whole_ledger_is_usable() {
        judge(GOOD).assert_ok();
    }

    #[test]
    fn a_ledger_in_which_nothing_happened_is_not() {
        assert_eq!(judge("").broken(), [Invariant::I0]);
        let ledger = hand(GOOD);
        let expectation = Expectation::for_groups(["g"]);
        let broken = |expectation: Expectation| check(&ledger, &expectation).broken();
        assert_eq!(
            broken(expectation.clone().published_at_least(2)),
            [Invariant::I0]
        );
        assert_eq!(
            broken(expectation.clone().faults_at_least(1)),
            [Invariant::I0]
        );
        assert!(broken(expectation.published_at_least(1)).is_empty());
    }

    #[test]
    fn steps_without_the_one_before_are_found() {
        assert_eq!(broken(&format!("{GOOD}\n5 c done other")), 1);
        assert_eq!(broken(&format!("{GOOD}\n5 p pub_ok other")), 1);
        assert_eq!(broken(&format!("{GOOD}\n5 p fault_end x")), 1);
        assert_eq!(broken(&format!("{GOOD}\n5 c recv m group=h")), 1);
        assert_eq!(broken(&format!("{GOOD}\n5 d ack m accepted")), 1);
    }
}
