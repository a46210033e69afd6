//! Every page with Rust code is included by a source file, so that a test compiles the code.

use std::collections::BTreeSet;

use super::blocks;
use crate::failure::Outcome;
use crate::tidy::{self, resolve};
use crate::violation::{self, Violation};

/// What a test reads by itself, by a path that it puts together.
const READ_BY_A_TEST: &[&str] = &["docs/guides/write-a-backend.md"];

/// Looks for the test of each page. Whether the code compiles is what the tests say.
pub(super) fn check() -> Outcome {
    let files = tidy::texts()?;
    let included: BTreeSet<String> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .flat_map(|(path, text)| inclusions(path, text))
        .collect();
    let mut violations = Vec::new();
    let pages = files.iter().filter(|(path, _)| path.ends_with(".md"));
    for (path, text) in pages {
        let is_compiled = included.contains(path) || READ_BY_A_TEST.contains(&path.as_str());
        let code = blocks::read(text)
            .into_iter()
            .find(|block| is_rust(&block.language));
        if let Some(block) = code.filter(|_| !is_compiled) {
            violations.push(Violation::new(
                path,
                block.line,
                "no test compiles this code",
                "include the page under `#[cfg(doctest)]`, as those in crates/glmsg/src/pages.rs",
            ));
        }
    }
    violation::report(violations, "pages with Rust code")
}

/// What rustdoc takes for Rust, a bare fence included.
fn is_rust(language: &str) -> bool {
    matches!(
        language,
        "" | "rust" | "no_run" | "should_panic" | "compile_fail"
    )
}

/// The paths, from the top, of what a source file includes as text.
fn inclusions(path: &str, text: &str) -> Vec<String> {
    let starts = text.match_indices("include_str!(\"");
    let names = starts.filter_map(|(at, start)| text[at + start.len()..].split('"').next());
    names.filter_map(|name| resolve(path, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inclusion_is_a_path_from_the_top() {
        let text = "#[doc = include_str!(\"../../../docs/guides/saga.md\")]\nmod guide {}\n";
        assert_eq!(
            inclusions("crates/a/src/saga.rs", text),
            ["docs/guides/saga.md"]
        );
        assert!(inclusions("crates/a/src/saga.rs", "fn f() {}").is_empty());
    }

    #[test]
    fn what_rustdoc_compiles_is_rust() {
        assert!(is_rust("") && is_rust("rust") && is_rust("no_run"));
        assert!(!is_rust("sh") && !is_rust("text"));
    }
}
