//! I2: nothing appears that was not published.

use std::collections::BTreeSet;

use super::story::Story;
use super::{Expectation, Finding, Violation};

pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    let mut seen: BTreeSet<&str> = story.passages.keys().map(|(_, id)| *id).collect();
    for remains in expectation.groups.values() {
        let stored = [&remains.backlog, &remains.pending, &remains.delayed];
        seen.extend(stored.into_iter().flatten().map(String::as_str));
        let dead = remains.dead.iter().flatten();
        seen.extend(dead.map(|letter| letter.id.as_str()));
    }
    let mut violations = Vec::new();
    let mut strangers = Vec::new();
    for id in seen {
        match story.published.get(id) {
            None => strangers.push(id),
            Some(published) if published.tries.is_empty() => strangers.push(id),
            Some(published) if published.was_refused() => {
                let text = "every publish of it was refused, and yet it is there";
                violations.push(Violation::of(id, text));
            }
            Some(_) => {}
        }
    }
    if strangers.len() > expectation.strangers {
        let text = "nobody published it";
        violations.extend(strangers.into_iter().map(|id| Violation::of(id, text)));
    }
    Some(violations)
}

#[cfg(test)]
mod tests {
    use super::super::hand::{hand, judge};
    use super::super::{DeadLetter, Invariant, Remains, check};
    use super::*;

    const GOOD: &str = "0 p pub_try m\n1 p pub_ok m\n2 c recv m\n3 c done m";

    #[test]
    fn what_was_tried_may_appear() {
        judge(GOOD).assert_ok();
        // Also what was tried and never answered, and what was refused once and stored then.
        judge(&format!("{GOOD}\n4 p pub_try n\n5 c recv n\n6 c done n")).assert_ok();
        let second = "4 p pub_try n\n5 p pub_full n\n6 p pub_try n\n7 c recv n\n8 c done n";
        judge(&format!("{GOOD}\n{second}")).assert_ok();
    }

    #[test]
    fn what_nobody_published_is_a_phantom() {
        let report = judge(&format!("{GOOD}\n4 c recv n\n5 c done n"));
        assert_eq!(report.ids(Invariant::I2), ["n"].into());
        let letter = DeadLetter {
            id: "x".to_owned(),
            attempts: 1,
        };
        let dead = Expectation::for_groups(["g"]).remains("g", Remains::dead([letter]));
        let broken = |expectation: Expectation| check(&hand(GOOD), &expectation).broken();
        assert_eq!(broken(dead.clone()), [Invariant::I2]);
        assert!(
            broken(dead.strangers(1)).is_empty(),
            "the case put it there"
        );
    }

    #[test]
    fn what_was_refused_is_a_phantom() {
        for refusal in ["pub_full n", "pub_rejected n too-large"] {
            let text = format!("{GOOD}\n4 p pub_try n\n5 p {refusal}\n6 c recv n\n7 c done n");
            assert_eq!(judge(&text).ids(Invariant::I2), ["n"].into(), "{refusal}");
        }
    }
}
