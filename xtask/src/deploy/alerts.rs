//! Every alert says what to do: it names a part of the guide, which is there and begins with a command.

use crate::failure::{Failure, Outcome};
use crate::violation::{self, Violation};

const RULES: &str = "deploy/prometheus/rules.yml";
const TESTS: &str = "deploy/prometheus/rules_test.yml";
const GUIDE: &str = "docs/guides/deployment.md";

pub(super) fn check() -> Outcome {
    let read = |path: &str| {
        std::fs::read_to_string(path)
            .map_err(|error| Failure::failed(format!("cannot read {path}: {error}")))
    };
    let found = violations(&read(RULES)?, &read(TESTS)?, &read(GUIDE)?);
    violation::report(found, "the alerts")
}

fn violations(rules: &str, tests: &str, guide: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut alert = "";
    for (number, line) in (1..).zip(rules.lines()) {
        let mut broken = |wrong: String, remedy: &str| {
            violations.push(Violation::new(RULES, number, wrong, remedy));
        };
        let line = line.trim_start();
        if let Some(name) = line.strip_prefix("- alert: ") {
            alert = name;
            let heading = format!("\n### {name}\n\n`");
            if !guide.contains(&heading) {
                let wrong = format!("the guide does not say what to do at {name}");
                broken(wrong, "write a part that begins with the first command");
            }
            if !tests.contains(&format!("\"{name}\"")) {
                broken(format!("no test lets {name} fire"), "write one");
            }
        }
        if let Some(link) = line.strip_prefix("runbook_url: ") {
            let right = format!("{GUIDE}#{}", alert.to_lowercase());
            if link != right {
                broken(
                    format!("{alert} leads to {link}"),
                    &format!("write {right}"),
                );
            }
            alert = "";
        } else if line.starts_with("- name: ") && !alert.is_empty() {
            broken(format!("{alert} leads nowhere"), "give it a runbook_url");
        }
    }
    if !alert.is_empty() {
        let wrong = format!("{alert} leads nowhere");
        violations.push(Violation::new(RULES, 1, wrong, "give it a runbook_url"));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrongs(rules: &str, tests: &str, guide: &str) -> usize {
        violations(rules, tests, guide).len()
    }

    #[test]
    fn an_alert_needs_a_link_a_part_of_the_guide_and_a_test() {
        let rules = "- alert: Slow\n  runbook_url: docs/guides/deployment.md#slow\n";
        let (tests, guide) = ("alertname=\"Slow\"", "\n### Slow\n\n`look`\n");
        assert_eq!(wrongs(rules, tests, guide), 0);
        assert_eq!(wrongs(rules, "", guide), 1);
        assert_eq!(wrongs(rules, tests, "\n### Slow\n\nLook.\n"), 1);
        assert_eq!(wrongs("- alert: Slow\n", tests, guide), 1);
        assert_eq!(wrongs(&rules.replace("#slow", "#fast"), tests, guide), 1);
    }
}
