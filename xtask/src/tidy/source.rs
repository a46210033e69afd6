//! Rules for what code says: nothing unfinished, nothing skipped in silence.

use super::File;
use crate::violation::Violation;

/// Macros that stand for code that is not written.
const UNFINISHED: &[&str] = &["todo", "unimplemented"];

/// The rules for one Rust file.
pub(super) fn check(file: &File) -> Vec<Violation> {
    let mut violations = check_fences(file);
    for (number, line) in file.lines() {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        if code.starts_with("#[") && has_word(code, "ignore") {
            let remedy = "let it run and fail with a remedy, or delete it";
            violations.push(Violation::new(
                &file.path,
                number,
                "the test is ignored",
                remedy,
            ));
        }
        for name in UNFINISHED
            .iter()
            .filter(|name| code.contains(&format!("{name}!(")))
        {
            let wrong = format!("`{name}!` stands for code that is not written");
            violations.push(Violation::new(
                &file.path,
                number,
                wrong,
                "write it, or leave the item out",
            ));
        }
    }
    violations
}

/// An example marked `ignore` is never compiled, and rots: true in docs and in pages included as docs.
pub(super) fn check_fences(file: &File) -> Vec<Violation> {
    let ignored = file.lines().filter(|(_, line)| {
        let prose = line
            .trim_start()
            .trim_start_matches(['/', '!'])
            .trim_start();
        let info = prose.strip_prefix("```");
        info.is_some_and(|info| info.split(',').any(|word| word.trim() == "ignore"))
    });
    ignored
        .map(|(number, _)| {
            let remedy =
                "make it compile, with `no_run` if it must not run; `text` if it is no Rust";
            Violation::new(&file.path, number, "the example is ignored", remedy)
        })
        .collect()
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrongs(text: &str) -> Vec<String> {
        check(&File::new("a.rs", text))
            .into_iter()
            .map(|violation| violation.wrong)
            .collect()
    }

    #[test]
    fn an_ignored_test_is_found_however_it_is_written() {
        for attribute in [
            "#[ignore]",
            "    #[ignore = \"slow\"]",
            "#[cfg_attr(miri, ignore)]",
        ] {
            assert_eq!(wrongs(attribute), ["the test is ignored"], "{attribute}");
        }
        assert!(
            wrongs(
                "#[allow(clippy::ignored_unit_patterns)]\n// no #[ignore] here\nlet ignore = 1;"
            )
            .is_empty()
        );
    }

    #[test]
    fn an_ignored_example_is_found() {
        for fence in ["/// ```ignore", "//! ```rust,ignore", "```ignore"] {
            assert_eq!(wrongs(fence), ["the example is ignored"], "{fence}");
        }
        assert!(wrongs("/// ```\n/// ```no_run\n/// ```rust,should_panic").is_empty());
    }

    #[test]
    fn unfinished_code_is_found() {
        // Put together here, or this very file would break the rule.
        for name in UNFINISHED {
            assert_eq!(
                wrongs(&format!("fn f() {{ {name}!() }}")).len(),
                1,
                "{name}"
            );
            assert!(
                wrongs(&format!("// {name}!() is not allowed")).is_empty(),
                "{name}"
            );
        }
    }
}
