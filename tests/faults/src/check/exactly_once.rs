//! I8: the output holds each published message once.

use std::collections::BTreeMap;

use super::story::Story;
use super::{Expectation, Finding, Violation};

pub(super) fn find(story: &Story<'_>, expectation: &Expectation) -> Finding {
    let outputs = expectation.outputs.as_ref()?;
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for id in outputs {
        *times.entry(id).or_default() += 1;
    }
    let mut violations = Vec::new();
    for (id, published) in &story.published {
        if !published.stored.is_empty() && !times.contains_key(id) {
            violations.push(Violation::of(id, "published, and not in the output"));
        }
    }
    for (id, times) in times {
        if !story.published.contains_key(id) {
            violations.push(Violation::of(id, "in the output, and nobody published it"));
        }
        if times > 1 {
            let text = format!("{times} times in the output");
            violations.push(Violation::of(id, text));
        }
    }
    Some(violations)
}

#[cfg(test)]
mod tests {
    use super::super::hand::hand;
    use super::super::{Invariant, check};
    use super::*;

    fn broken(outputs: &[&str]) -> usize {
        let ledger = hand("0 p pub_try m\n1 p pub_ok m\n2 p pub_try n\n3 p pub_indeterminate n");
        let outputs = outputs.iter().map(|id| (*id).to_owned());
        let expectation = Expectation::for_groups(["g"]).outputs(outputs);
        let report = check(&ledger, &expectation.only([Invariant::I8]));
        report.violations(Invariant::I8).len()
    }

    #[test]
    fn once_each_is_exactly_once() {
        assert_eq!(broken(&["m"]), 0);
        assert_eq!(broken(&["n", "m"]), 0, "nobody knew whether it was stored");
    }

    #[test]
    fn none_and_two_and_strangers_are_found() {
        assert_eq!(broken(&[]), 1);
        assert_eq!(broken(&["m", "m"]), 1);
        assert_eq!(broken(&["m", "x"]), 1);
    }
}
