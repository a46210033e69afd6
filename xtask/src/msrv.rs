//! `cargo xtask msrv`: the oldest Rust version the project supports, and how it is held.

use crate::arguments::{Arguments, Grammar};
use crate::failure::{Failure, Outcome};
use crate::lint;
use crate::process::Process;
use crate::steps::Steps;
use crate::violation::{self, Violation};
use crate::workspace::{self, Package};

pub(crate) const HELP: &str = "\
Checks that the code and every dependency keep to the Rust version the manifests state.

Usage: cargo xtask msrv

No old toolchain is needed. The version is held from three sides: the resolver picks only dependencies that declare
it or an older one, this command checks that the lock file says so, and clippy's `incompatible_msrv` refuses any use of
the standard library that is newer.";

pub(crate) fn run(words: &[String]) -> Outcome {
    Arguments::parse(words, &Grammar::default())?;
    let packages = workspace::packages()?;
    let msrv = stated(&packages)?;
    println!("the stated version is {msrv}");
    let mut steps = Steps::default();
    steps.run("dependencies", || {
        let silent = packages
            .iter()
            .filter(|package| package.rust_version.is_none())
            .count();
        println!(
            "{} packages are locked, {silent} of them declare no version",
            packages.len()
        );
        violation::report(check_dependencies(&packages, &msrv), "declared versions")
    });
    steps.run("clippy.toml", || {
        let text = std::fs::read_to_string("clippy.toml").unwrap_or_default();
        violation::report(check_clippy(&text, &msrv), "msrv of clippy.toml")
    });
    steps.run("incompatible_msrv", || {
        lint::require_component("clippy", "clippy --version")?;
        Process::cargo("clippy --workspace --all-targets --all-features --locked -- -D clippy::incompatible_msrv").run()
    });
    steps.finish()
}

/// The one version all members inherit.
fn stated(packages: &[Package]) -> Outcome<String> {
    let mut versions: Vec<&str> = packages
        .iter()
        .filter(|package| package.is_member)
        .filter_map(|package| package.rust_version.as_deref())
        .collect();
    versions.sort_unstable();
    versions.dedup();
    match versions.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(Failure::failed(
            "no member states `rust-version`: set it in [workspace.package]",
        )),
        many => Err(Failure::failed(format!(
            "the members state {many:?}: inherit one from [workspace.package]"
        ))),
    }
}

fn check_dependencies(packages: &[Package], msrv: &str) -> Vec<Violation> {
    let newer = packages.iter().filter_map(|package| {
        let needs = package.rust_version.as_deref()?;
        (numbers(needs) > numbers(msrv)).then_some((package, needs))
    });
    newer
        .map(|(package, needs)| {
            let Package { name, version, .. } = package;
            let wrong = format!("`{name}` {version} needs Rust {needs}, the project states {msrv}");
            Violation::new(
                "Cargo.lock",
                1,
                wrong,
                format!("pin an older one with `cargo update {name} --precise VERSION`"),
            )
        })
        .collect()
}

/// Clippy has its own copy of the version, for the files it checks outside of cargo.
fn check_clippy(text: &str, msrv: &str) -> Vec<Violation> {
    let stated = text.lines().enumerate().find_map(|(index, line)| {
        let value = line.strip_prefix("msrv")?.trim_start().strip_prefix('=')?;
        Some((index + 1, value.trim().trim_matches('"')))
    });
    match stated {
        Some((_, value)) if numbers(value) == numbers(msrv) => Vec::new(),
        Some((line, value)) => {
            let wrong = format!("it says {value}, the manifests say {msrv}");
            vec![Violation::new(
                "clippy.toml",
                line,
                wrong,
                "make them agree",
            )]
        }
        None => vec![Violation::new(
            "clippy.toml",
            1,
            "it states no `msrv`",
            format!("add `msrv = \"{msrv}\"`"),
        )],
    }
}

/// A version as numbers to compare; `1.88` and `1.88.0` are the same.
fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, rust_version: Option<&str>, is_member: bool) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            manifest: "Cargo.toml".into(),
            rust_version: rust_version.map(str::to_owned),
            features: Vec::new(),
            targets: Vec::new(),
            dependencies: Vec::new(),
            is_member,
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(numbers("1.9") < numbers("1.88"));
        assert_eq!(numbers("1.88"), numbers("1.88.0"));
    }

    #[test]
    fn a_dependency_that_needs_a_newer_rust_is_named() {
        let packages = [
            package("old", Some("1.56.1"), false),
            package("new", Some("1.90"), false),
            package("mute", None, false),
        ];
        let violations = check_dependencies(&packages, "1.88");
        assert_eq!(violations.len(), 1);
        assert!(violations[0].wrong.contains("`new` 1.0.0 needs Rust 1.90"));
    }

    #[test]
    fn the_members_must_state_one_version() {
        let member = |version| package("ours", version, true);
        assert_eq!(
            stated(&[member(Some("1.88")), member(Some("1.88"))]).unwrap(),
            "1.88"
        );
        assert!(stated(&[member(Some("1.88")), member(Some("1.85"))]).is_err());
        assert!(stated(&[package("theirs", Some("1.60"), false)]).is_err());
    }

    #[test]
    fn clippy_must_say_the_same() {
        assert!(check_clippy("msrv = \"1.88\"\n", "1.88").is_empty());
        assert_eq!(check_clippy("\nmsrv = \"1.80\"\n", "1.88")[0].line, 2);
        assert_eq!(check_clippy("", "1.88").len(), 1);
    }
}
