//! Rules for the manifests: lints are inherited, and so is every dependency that two members share.

use std::collections::{BTreeMap, BTreeSet};

use super::File;
use crate::violation::Violation;

/// One dependency as a manifest names it. Read line by line: cargo has checked the syntax, and a parser is a dependency.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    name: &'a str,
    line: usize,
    is_inherited: bool,
}

pub(super) fn check(files: &[File]) -> Vec<Violation> {
    let members: Vec<&File> = files
        .iter()
        .filter(|file| file.name() == "Cargo.toml" && !is_workspace(&file.text))
        .collect();
    let mut violations = Vec::new();
    for member in &members {
        if !inherits_lints(&member.text) {
            let remedy = "add `[lints]` with `workspace = true`";
            violations.push(Violation::new(
                &member.path,
                1,
                "the lints are not the workspace's",
                remedy,
            ));
        }
    }

    let shared: BTreeSet<&str> = shared(files, &members);
    for member in &members {
        for entry in entries(&member.text) {
            if !entry.is_inherited && shared.contains(entry.name) {
                let wrong = format!(
                    "`{}` is shared by members and has its own version here",
                    entry.name
                );
                let remedy = "state it in [workspace.dependencies] and write `workspace = true`";
                violations.push(Violation::new(&member.path, entry.line, wrong, remedy));
            }
        }
    }
    violations
}

/// The dependencies that two or more members name, or the root manifest lists.
fn shared<'a>(files: &'a [File], members: &[&'a File]) -> BTreeSet<&'a str> {
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for member in members {
        for entry in entries(&member.text) {
            users.entry(entry.name).or_default().insert(&member.path);
        }
    }
    let used_twice = users
        .into_iter()
        .filter(|(_, users)| users.len() > 1)
        .map(|(name, _)| name);
    let root = files.iter().find(|file| file.path == "Cargo.toml");
    let listed = root
        .into_iter()
        .flat_map(|root| entries(&root.text))
        .map(|entry| entry.name);
    used_twice.chain(listed).collect()
}

fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut section = "";
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let number = index + 1;
        if let Some(header) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .map(|(header, _)| header)
        {
            section = header;
            // `[dependencies.tokio]`: the header itself names the dependency.
            if let Some((table, name)) = header.rsplit_once('.')
                && is_dependency_table(table)
            {
                entries.push(Entry {
                    name,
                    line: number,
                    is_inherited: false,
                });
            }
        } else if is_dependency_table(section) {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            let (name, attribute) = key.trim().split_once('.').unwrap_or((key.trim(), ""));
            let is_name = !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '-' || c == '_');
            if is_name {
                let is_inherited = attribute == "workspace" || value.contains("workspace = true");
                entries.push(Entry {
                    name,
                    line: number,
                    is_inherited,
                });
            }
        } else if let Some((table, _)) = section.rsplit_once('.')
            && is_dependency_table(table)
            && line == "workspace = true"
            && let Some(entry) = entries.last_mut()
        {
            entry.is_inherited = true;
        }
    }
    entries
}

fn is_dependency_table(section: &str) -> bool {
    section.rsplit('.').next().is_some_and(|last| {
        matches!(
            last,
            "dependencies" | "dev-dependencies" | "build-dependencies"
        )
    })
}

/// The root of the workspace, or a crate outside of it, which can inherit nothing.
fn is_workspace(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "[workspace]")
}

fn inherits_lints(text: &str) -> bool {
    let mut lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .any(|line| line == "workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "[lints]\nworkspace = true\n";

    fn entry(name: &str, line: usize, is_inherited: bool) -> Entry<'_> {
        Entry {
            name,
            line,
            is_inherited,
        }
    }

    #[test]
    fn dependencies_are_read_in_every_way_to_write_them() {
        let text = "[package]\nname = \"a\"\n[dependencies]\nbytes.workspace = true\nclap = \"4\"\n# a = 1\n\
                    tokio = { workspace = true, features = [\n  \"rt\",\n] }\n\
                    [target.'cfg(unix)'.dev-dependencies]\nnix = { version = \"1\" }\n\
                    [dependencies.serde]\nworkspace = true\n[features]\njson = []\n";
        assert_eq!(
            entries(text),
            [
                entry("bytes", 4, true),
                entry("clap", 5, false),
                entry("tokio", 7, true),
                entry("nix", 11, false),
                entry("serde", 12, true),
            ]
        );
    }

    #[test]
    fn a_shared_dependency_must_be_inherited() {
        let member = |path: &str, dependency: &str| {
            File::new(path, &format!("{LINTS}[dependencies]\n{dependency}\n"))
        };
        let root = File::new(
            "Cargo.toml",
            "[workspace]\n[workspace.dependencies]\nbytes = \"1\"\n",
        );
        let files = [
            root,
            member("a/Cargo.toml", "clap = \"4\""),
            member("b/Cargo.toml", "clap = \"4\""),
        ];
        assert_eq!(check(&files).len(), 2, "used twice");
        let files = [
            member("a/Cargo.toml", "clap = \"4\""),
            member("b/Cargo.toml", "nix = \"1\""),
        ];
        assert!(check(&files).is_empty(), "each used once");
        let files = [
            File::new(
                "Cargo.toml",
                "[workspace]\n[workspace.dependencies]\nbytes = \"1\"\n",
            ),
            member("a/Cargo.toml", "bytes = \"1\""),
        ];
        assert_eq!(check(&files).len(), 1, "used once, but stated at the root");
    }

    #[test]
    fn lints_must_be_inherited() {
        assert!(inherits_lints(LINTS));
        assert!(!inherits_lints(
            "[lints]\n[dependencies]\nworkspace = true\n"
        ));
        let violations = check(&[File::new("crates/a/Cargo.toml", "[package]\n")]);
        assert_eq!(violations.len(), 1);
    }

    #[test]
    fn a_crate_outside_of_the_workspace_inherits_nothing() {
        let files = [
            File::new(
                "Cargo.toml",
                "[workspace]\n[workspace.dependencies]\nbytes = \"1\"\n",
            ),
            File::new(
                "peers/Cargo.toml",
                "[workspace]\n[dependencies]\nbytes = \"1\"\n",
            ),
        ];
        assert!(check(&files).is_empty());
    }
}
