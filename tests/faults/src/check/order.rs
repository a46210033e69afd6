//! I5: the order of a key's messages is kept.

use std::collections::BTreeMap;

use super::story::Story;
use super::{Expectation, Finding, Violation};

/// When a message was first done, its place among those of its key, its id.
type FirstDone<'a> = (u64, u64, &'a str);

/// First completions only: a redelivery repeats what has been in order already. A redriven message had left the line.
pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    if !expectation.ordered {
        return None;
    }
    let mut lines: BTreeMap<(&str, &str), Vec<FirstDone<'_>>> = BTreeMap::new();
    for ((group, id), passage) in &story.passages {
        let key = story.published.get(id).and_then(|published| published.key);
        if let (Some((key, seq)), Some(done)) = (key, passage.done().min())
            && passage.redrives.is_empty()
        {
            let line = lines.entry((group, key)).or_default();
            line.push((done, seq, id));
        }
    }
    if lines.is_empty() {
        let text = "order is to be kept, and no message with a key was done";
        return Some(vec![Violation::of_all(text)]);
    }
    let mut violations = Vec::new();
    for ((group, key), mut line) in lines {
        line.sort_unstable();
        let mut last: Option<(u64, &str)> = None;
        for (_, seq, id) in line {
            match last {
                Some((before, other)) if seq <= before => {
                    let text = format!(
                        "{seq} of key {key}, done for group {group} after {other}, which is {before}"
                    );
                    violations.push(Violation::of(id, text));
                }
                _ => last = Some((seq, id)),
            }
        }
    }
    Some(violations)
}

#[cfg(test)]
mod tests {
    use super::super::hand::hand;
    use super::super::{Invariant, check};
    use super::*;

    const PUBLISHED: &str = "0 p pub_try a key=k seq=1\n1 p pub_ok a\n2 p pub_try b key=k seq=2\n3 p pub_ok b\n\
        4 p pub_try x key=other seq=1\n5 p pub_ok x\n";

    fn broken(done: &str) -> Vec<Invariant> {
        let ledger = hand(&format!("{PUBLISHED}{done}"));
        let expectation = Expectation::for_groups(["g"]).ordered();
        check(&ledger, &expectation.only([Invariant::I5])).broken()
    }

    const A: &str = "10 c recv a\n11 c done a\n";
    const B: &str = "12 c recv b\n13 c done b\n";

    #[test]
    fn rising_sequences_are_in_order() {
        assert!(broken(&format!("{A}{B}1 d recv x\n2 d done x")).is_empty());
        let again = "20 d recv a attempt=2\n21 d done a";
        assert!(broken(&format!("{A}{B}{again}")).is_empty(), "a repetition");
        let redriven = "9 o redrive a\n20 d recv a\n21 d done a";
        assert!(broken(&format!("{B}{redriven}")).is_empty());
    }

    #[test]
    fn a_later_message_done_first_is_out_of_order() {
        let late = "20 d recv a\n21 d done a";
        assert_eq!(broken(&format!("{B}{late}")), [Invariant::I5]);
    }

    #[test]
    fn order_without_keys_proves_nothing() {
        assert_eq!(broken(""), [Invariant::I5]);
    }
}
