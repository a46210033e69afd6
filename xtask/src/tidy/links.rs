//! Every relative link of a written page leads to something that is there, and a link to a place to a heading.

use std::collections::BTreeMap;
use std::path::Path;

use super::{File, headings};
use crate::violation::Violation;

/// Checks the pages people read on the forge: `docs/`, the READMEs, and the pages at the top.
pub(super) fn check(files: &[File]) -> Vec<Violation> {
    let pages = files.iter().filter(|file| {
        let is_page = file.path.starts_with("docs/")
            || file.name() == "README.md"
            || !file.path.contains('/');
        file.has_extension("md") && is_page
    });
    let places: BTreeMap<&str, Vec<String>> = files
        .iter()
        .filter(|file| file.has_extension("md"))
        .map(|file| (file.path.as_str(), headings::places(&file.text)))
        .collect();
    let is_there = |path: &str, place: &str| {
        Path::new(path).exists()
            && (place.is_empty()
                || places
                    .get(path)
                    .is_none_or(|places| places.iter().any(|found| found == place)))
    };
    pages.flat_map(|page| check_page(page, &is_there)).collect()
}

/// `is_there` is asked for a path from the top and a place in it, which is empty where none is named.
fn check_page(page: &File, is_there: &dyn Fn(&str, &str) -> bool) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut in_code = false;
    for (number, line) in page.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line) {
            let (path, place) = target.split_once('#').unwrap_or((&target, ""));
            if path.contains(':') || path.starts_with('/') {
                continue;
            }
            let found = match path {
                "" => Some(page.path.clone()),
                path => resolve(&page.path, path),
            };
            if !found.is_some_and(|found| is_there(&found, place)) {
                let wrong = format!("the link `{target}` leads nowhere");
                violations.push(Violation::new(
                    &page.path,
                    number,
                    wrong,
                    "mend the path, relative to this page, or the heading",
                ));
            }
        }
    }
    violations
}

/// What a line links to: `[text](target)`, `![text](target "title")` and `[name]: target`.
fn targets(line: &str) -> Vec<String> {
    let line = without_code(line);
    let inline = line.match_indices("](").filter_map(|(at, open)| {
        let rest = &line[at + open.len()..];
        rest.split([')', ' ']).next().map(str::to_owned)
    });
    let definition = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
        .and_then(|(_, rest)| rest.split_whitespace().next().map(str::to_owned));
    inline.chain(definition).collect()
}

/// The line without what stands between backticks: an example of a link is no link.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// The path a link means, relative to the top; none if it leaves the repository.
pub(crate) fn resolve(page: &str, link: &str) -> Option<String> {
    let directory = page.rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Vec<String> {
        let there = ["docs/guides/testing.md", "README.md", "docs", "."];
        let page = File::new("docs/architecture.md", text);
        check_page(&page, &|path, place| {
            there.contains(&path) || path == "docs/architecture.md" && place == "here"
        })
        .into_iter()
        .map(|violation| violation.wrong)
        .collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let text = "[a](guides/testing.md#clock) and ![b](../README.md \"title\"), [c](#here), [d](https://example.org/x)\n\
                    [e]: ../README.md\n[f](..) [g](./guides/testing.md)\n";
        assert_eq!(broken(text), Vec::<String>::new());
    }

    #[test]
    fn links_that_lead_nowhere_are_named() {
        assert_eq!(
            broken("see [a](guides/none.md#x)"),
            ["the link `guides/none.md#x` leads nowhere"]
        );
        assert_eq!(broken("[e]: gone.md"), ["the link `gone.md` leads nowhere"]);
        assert_eq!(broken("[b](#gone)"), ["the link `#gone` leads nowhere"]);
        assert_eq!(broken("[up](../../outside.md)").len(), 1);
        assert_eq!(broken("[a](../README.md) [b](gone.md)").len(), 1);
    }

    #[test]
    fn links_in_code_are_examples() {
        assert!(broken("write `[a](gone.md)`\n```text\n[b](gone.md)\n```\n").is_empty());
    }
}
