//! Rules for any text: clean line ends, and nothing that is true on one machine only.

use super::File;
use crate::violation::Violation;

/// The kinds of file that people write by hand here; data files are left as they came.
const WRITTEN: &[&str] = &["lua", "md", "rs", "sh", "sql", "toml", "yaml", "yml"];

/// First parts of paths that exist on someone's machine and nowhere else.
const MACHINE: &[&str] = &["work", "root", "home"];

pub(super) fn check(file: &File) -> Vec<Violation> {
    let mut violations = Vec::new();
    if WRITTEN
        .iter()
        .any(|extension| file.has_extension(extension))
    {
        for (number, line) in file.lines() {
            if line.ends_with([' ', '\t', '\r']) {
                violations.push(Violation::new(
                    &file.path,
                    number,
                    "white space ends the line",
                    "remove it",
                ));
            }
            if line.contains('\t') {
                violations.push(Violation::new(
                    &file.path,
                    number,
                    "there is a tab",
                    "use spaces",
                ));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            let last = file.text.lines().count();
            violations.push(Violation::new(
                &file.path,
                last,
                "the last line has no end",
                "end it with a newline",
            ));
        }
    }
    for (number, line) in file.lines() {
        if let Some(path) = machine_path(line) {
            let wrong = format!("`{path}` is a path of one machine");
            violations.push(Violation::new(
                &file.path,
                number,
                wrong,
                "use a path relative to the repository",
            ));
        }
    }
    violations
}

/// The start of an absolute path that only one machine has. `https://host/home/` is none, nor is `src/work/`.
fn machine_path(line: &str) -> Option<String> {
    let inside =
        |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || "_-.~*})".contains(c));
    MACHINE.iter().map(|part| format!("/{part}/")).find(|path| {
        line.match_indices(path.as_str())
            .any(|(at, _)| !inside(&line[..at]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrongs(path: &str, text: &str) -> Vec<(usize, String)> {
        check(&File::new(path, text))
            .into_iter()
            .map(|violation| (violation.line, violation.wrong))
            .collect()
    }

    #[test]
    fn clean_text_passes() {
        assert!(wrongs("a.rs", "//! Docs.\n\nfn f() {}\n").is_empty());
        assert!(wrongs("a.rs", "").is_empty());
    }

    #[test]
    fn dirty_line_ends_are_found_where_they_are() {
        assert_eq!(
            wrongs("a.md", "one\ntwo \n"),
            [(2, "white space ends the line".to_owned())]
        );
        assert_eq!(
            wrongs("a.toml", "a\n\tb\n"),
            [(2, "there is a tab".to_owned())]
        );
        assert_eq!(
            wrongs("a.rs", "one\ntwo"),
            [(2, "the last line has no end".to_owned())]
        );
        assert_eq!(
            wrongs("a.rs", "one\r\n").len(),
            0,
            "`lines` takes both line ends"
        );
        assert!(wrongs("flights.json", "[\t1 ]").is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_found_in_any_text() {
        // Put together here, or this very file would break the rule.
        for part in MACHINE {
            assert_eq!(
                wrongs("notes", &format!("see /{part}/somewhere")).len(),
                1,
                "{part}"
            );
            assert_eq!(
                wrongs("a.json", &format!("\"file:///{part}/x\"")).len(),
                1,
                "{part}"
            );
            assert!(
                wrongs(
                    "a.md",
                    &format!("https://example.org/{part}/x and src/{part}/y\n")
                )
                .is_empty(),
                "{part}"
            );
        }
    }
}
