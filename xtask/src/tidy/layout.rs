//! Rules for where code lives: names, sizes, and docs at the head of every file.

use super::File;
use crate::violation::Violation;

/// The most lines a source file may have. Past it, a file holds two concepts.
const MAX_LINES: usize = 500;

/// The most lines of a `lib.rs`, docs and blank lines aside: it lists the crate's modules and holds no logic.
const MAX_LIB_LINES: usize = 100;

/// Files that may be longer than [`MAX_LINES`], each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["common", "helpers", "types", "util", "utils"];

/// The rules for one Rust file.
pub(super) fn check(file: &File) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut broken = |line, wrong: String, remedy: &str| {
        violations.push(Violation::new(&file.path, line, wrong, remedy));
    };

    if file.name() == "mod.rs" {
        broken(
            1,
            "there is a `mod.rs`".to_owned(),
            "name it after its module: `foo.rs` beside `foo/`",
        );
    }
    for part in file
        .path
        .split('/')
        .map(|part| part.strip_suffix(".rs").unwrap_or(part))
    {
        if EMPTY_NAMES.contains(&part) {
            broken(
                1,
                format!("the name `{part}` says nothing"),
                "name it after the one concept it holds",
            );
        }
    }
    // A page of docs may be kept beside the code and included.
    if !file.text.starts_with("//!") && !file.text.starts_with("#![doc = include_str!(") {
        broken(
            1,
            "the file does not start with `//!`".to_owned(),
            "say in one line what it is for",
        );
    }
    let lines = file.text.lines().count();
    let is_long = LONG_FILES.iter().any(|(path, _)| *path == file.path);
    if lines > MAX_LINES && !is_test(file) && !is_long {
        let wrong = format!("the file has {lines} lines, more than {MAX_LINES}");
        broken(
            MAX_LINES + 1,
            wrong,
            "split it by concept, or list it with a reason in xtask/src/tidy/layout.rs",
        );
    }
    if file.name() == "lib.rs" {
        let code = file
            .text
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.is_empty() && !is_doc(line))
            .count();
        if code > MAX_LIB_LINES {
            let wrong =
                format!("`lib.rs` has {code} lines that are not docs, more than {MAX_LIB_LINES}");
            broken(
                1,
                wrong,
                "move code into modules: `lib.rs` is docs, `mod` and `pub use`",
            );
        }
    }
    violations
}

/// The rules for the tree as a whole: every crate has a README, and every exception is still one.
pub(super) fn check_tree(files: &[File]) -> Vec<Violation> {
    let exists = |path: &str| files.iter().any(|file| file.path == path);
    let mut violations = Vec::new();
    for file in files {
        let Some(directory) = file.path.strip_suffix("/Cargo.toml") else {
            continue;
        };
        if directory.starts_with("crates/") && !exists(&format!("{directory}/README.md")) {
            let readme = format!("{directory}/README.md");
            violations.push(Violation::new(
                &readme,
                1,
                "the crate has no README",
                "write what it is for and how to begin",
            ));
        }
    }
    for (path, _) in LONG_FILES {
        let needed = files
            .iter()
            .any(|file| file.path == *path && file.text.lines().count() > MAX_LINES);
        if !needed {
            let remedy = "take it off `LONG_FILES` in xtask/src/tidy/layout.rs";
            violations.push(Violation::new(
                path,
                1,
                "the file is no longer too long",
                remedy,
            ));
        }
    }
    violations
}

/// Tests may be long: a list of cases is one concept.
fn is_test(file: &File) -> bool {
    file.name() == "tests.rs" || file.path.split('/').any(|part| part == "tests")
}

fn is_doc(line: &str) -> bool {
    line.starts_with("//!") || line.starts_with("///")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrongs(path: &str, text: &str) -> Vec<String> {
        check(&File::new(path, text))
            .into_iter()
            .map(|violation| violation.wrong)
            .collect()
    }

    #[test]
    fn a_documented_file_with_a_name_passes() {
        assert!(wrongs("crates/a/src/lease.rs", "//! The lease.\n").is_empty());
        assert!(
            wrongs(
                "crates/a/src/lib.rs",
                "#![doc = include_str!(\"docs.md\")]\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_file_needs_its_line_of_docs_and_a_telling_name() {
        assert_eq!(
            wrongs("a/src/lease.rs", "use x;\n"),
            ["the file does not start with `//!`"]
        );
        assert_eq!(
            wrongs("a/src/foo/mod.rs", "//! Foo.\n"),
            ["there is a `mod.rs`"]
        );
        assert_eq!(
            wrongs("a/src/utils.rs", "//! Things.\n"),
            ["the name `utils` says nothing"]
        );
        assert_eq!(
            wrongs("a/tests/common/server.rs", "//! Things.\n"),
            ["the name `common` says nothing"]
        );
    }

    #[test]
    fn size_is_capped_save_for_tests() {
        let long = "//! Docs.\n".repeat(MAX_LINES + 1);
        assert_eq!(wrongs("a/src/lease.rs", &long).len(), 1);
        assert!(wrongs("a/src/lease/tests.rs", &long).is_empty());
        assert!(wrongs("tests/src/crash.rs", &long).is_empty());
        let at_the_cap = "//! Docs.\n".repeat(MAX_LINES);
        assert!(wrongs("a/src/lease.rs", &at_the_cap).is_empty());
    }

    #[test]
    fn the_head_of_a_crate_holds_no_logic() {
        let lib = |lines| format!("//! Docs.\n\n{}", "mod a;\n".repeat(lines));
        assert!(wrongs("a/src/lib.rs", &lib(MAX_LIB_LINES)).is_empty());
        assert_eq!(wrongs("a/src/lib.rs", &lib(MAX_LIB_LINES + 1)).len(), 1);
    }

    #[test]
    fn a_crate_without_a_readme_is_named() {
        let files = [
            File::new("crates/a/Cargo.toml", ""),
            File::new("crates/b/Cargo.toml", ""),
            File::new("crates/b/README.md", ""),
        ];
        let violations = check_tree(&files);
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].path, "crates/a/README.md");
        assert!(check_tree(&[File::new("xtask/Cargo.toml", "")]).is_empty());
    }
}
