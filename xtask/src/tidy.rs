//! `cargo xtask tidy`: the rules of the house, as code. `CONTRIBUTING.md` says them in prose.

mod headings;
mod layout;
mod links;
mod manifests;
mod source;
mod text;
mod tree;

use crate::arguments::{Arguments, Grammar};
use crate::failure::Outcome;
use crate::violation::{self, Violation};

pub(crate) use self::links::resolve;
use self::tree::File;

pub(crate) const HELP: &str = "\
Checks the house rules: docs on every module, sizes, names, manifests, links, clean text.

Usage: cargo xtask tidy

Every broken rule is one line: `path:line: what is wrong; what to do`. CONTRIBUTING.md explains the rules.";

pub(crate) fn run(words: &[String]) -> Outcome {
    Arguments::parse(words, &Grammar::default())?;
    let files = tree::read()?;
    let mut violations: Vec<Violation> = files.iter().flat_map(check_file).collect();
    violations.extend(layout::check_tree(&files));
    violations.extend(manifests::check(&files));
    violations.extend(links::check(&files));
    violation::report(violations, &format!("house rules of {} files", files.len()))
}

/// The links alone, for `cargo xtask docs --check`.
pub(crate) fn check_links() -> Outcome {
    let files = tree::read()?;
    violation::report(links::check(&files), "links of the written pages")
}

/// Every text file, by its path from the top.
pub(crate) fn texts() -> Outcome<Vec<(String, String)>> {
    let files = tree::read()?.into_iter();
    Ok(files.map(|file| (file.path, file.text)).collect())
}

/// The written pages below a directory, by their paths.
pub(crate) fn pages_below(directory: &str) -> Outcome<Vec<String>> {
    let below = format!("{directory}/");
    let files = tree::read()?.into_iter();
    let pages = files.filter(|file| file.path.starts_with(&below) && file.has_extension("md"));
    Ok(pages.map(|page| page.path).collect())
}

fn check_file(file: &File) -> Vec<Violation> {
    let mut violations = text::check(file);
    if file.has_extension("rs") {
        violations.extend(layout::check(file));
        violations.extend(source::check(file));
    }
    if file.has_extension("md") {
        violations.extend(source::check_fences(file));
    }
    violations
}
