//! `cargo xtask layers`: which crate may depend on which, checked against `cargo metadata`.

use std::path::Path;

use crate::arguments::{Arguments, Grammar};
use crate::failure::Outcome;
use crate::process::Process;
use crate::violation::{self, Violation};
use crate::workspace::{self, DependencyKind, Package};

pub(crate) const HELP: &str = "\
Checks that every dependency between the project's crates is an allowed one.

Usage: cargo xtask layers

The allowed edges are the list `LAYERS` in xtask/src/layers.rs; docs/architecture.md draws them.
Also checked: glmsg-core builds without an async runtime, the memory backend alone brings no SQLite, and what is not
for Kafka no librdkafka.";

/// What a crate may use of ours.
#[derive(Debug, Clone, Copy)]
enum Uses {
    /// These crates and no other.
    Only(&'static [&'static str]),
    /// Any: the packages that test and measure the whole.
    Anything,
}

/// The allowed edges, top of the graph last. Backends never see each other, and nothing sees the command line.
const LAYERS: &[(&str, Uses)] = &[
    ("glmsg-core", Uses::Only(&[])),
    ("glmsg-broker", Uses::Only(&["glmsg-core"])),
    ("glmsg-kafka-wire", Uses::Only(&["glmsg-core"])),
    (
        "glmsg-kafka",
        Uses::Only(&["glmsg-broker", "glmsg-core", "glmsg-kafka-wire"]),
    ),
    ("glmsg-config", Uses::Only(&["glmsg-broker", "glmsg-core"])),
    ("glmsg-memory", Uses::Only(&["glmsg-broker", "glmsg-core"])),
    ("glmsg-metrics", Uses::Only(&["glmsg-broker", "glmsg-core"])),
    (
        "glmsg-patterns",
        Uses::Only(&["glmsg-broker", "glmsg-core"]),
    ),
    ("glmsg-redis", Uses::Only(&["glmsg-broker", "glmsg-core"])),
    ("glmsg-sqlite", Uses::Only(&["glmsg-broker", "glmsg-core"])),
    ("glmsg-tracing", Uses::Only(&["glmsg-broker", "glmsg-core"])),
    (
        "glmsg-conformance",
        Uses::Only(&["glmsg-broker", "glmsg-core"]),
    ),
    (
        "glmsg",
        Uses::Only(&[
            "glmsg-broker",
            "glmsg-config",
            "glmsg-core",
            "glmsg-kafka",
            "glmsg-memory",
            "glmsg-metrics",
            "glmsg-patterns",
            "glmsg-redis",
            "glmsg-sqlite",
            "glmsg-tracing",
        ]),
    ),
    ("glmsg-cli", Uses::Only(&["glmsg"])),
    ("glmsg-tests", Uses::Anything),
    ("glmsg-faults", Uses::Only(&[])),
    ("glmsg-benches", Uses::Anything),
    ("xtask", Uses::Only(&[])),
];

/// What a test may use from anywhere: the suite every backend proves itself with, the faults, and the reference model.
const FOR_TESTS: &[&str] = &["glmsg-conformance", "glmsg-faults", "glmsg-memory"];

/// A build of ours, and the packages that must not be in it.
struct Absence {
    package: &'static str,
    features: &'static str,
    never: &'static [&'static str],
}

const ABSENCES: &[Absence] = &[
    Absence {
        package: "glmsg-core",
        features: "--all-features",
        never: &["tokio"],
    },
    Absence {
        package: "glmsg",
        features: "--no-default-features --features memory",
        never: &["rusqlite", "libsqlite3-sys"],
    },
    Absence {
        package: "glmsg",
        features: "--no-default-features --features memory,redis,sqlite",
        never: &["rdkafka", "rdkafka-sys", "kafka-protocol"],
    },
];

pub(crate) fn run(words: &[String]) -> Outcome {
    Arguments::parse(words, &Grammar::default())?;
    let members = workspace::members()?;
    let mut violations = check_edges(&members);
    for absence in ABSENCES {
        let Absence {
            package, features, ..
        } = absence;
        let tree = Process::cargo("tree --locked --edges normal --prefix none --package")
            .args([package])
            .words(features)
            .stdout();
        match tree {
            Ok(tree) => violations.extend(check_absence(absence, &tree)),
            // Among the others, so that an edge that is wrong is not hidden by a tree that cannot be drawn.
            Err(failure) => {
                let remedy = "cargo says above what is missing";
                let manifest = format!("crates/{package}/Cargo.toml");
                violations.push(Violation::new(&manifest, 1, failure.to_string(), remedy));
            }
        }
    }
    violation::report(violations, &format!("layers of {} crates", members.len()))
}

fn check_edges(members: &[Package]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let here = "xtask/src/layers.rs";
    for (name, _) in LAYERS {
        if !members.iter().any(|member| member.name == *name) {
            let wrong = format!("`{name}` is in the list and not in the workspace");
            violations.push(Violation::new(
                here,
                1,
                wrong,
                "take it off the list `LAYERS`",
            ));
        }
    }
    for member in members {
        let Some((_, uses)) = LAYERS.iter().find(|(name, _)| *name == member.name) else {
            let wrong = format!("`{}` is in the workspace and not in the list", member.name);
            violations.push(Violation::new(
                here,
                1,
                wrong,
                "add it to `LAYERS` with the crates it may use",
            ));
            continue;
        };
        let Uses::Only(allowed) = uses else { continue };
        for dependency in &member.dependencies {
            let ours = members.iter().any(|other| other.name == dependency.name);
            let may = allowed.contains(&dependency.name.as_str())
                || (dependency.kind == DependencyKind::Dev
                    && FOR_TESTS.contains(&dependency.name.as_str())
                    && member.name != "xtask");
            if ours && !may {
                violations.push(forbidden(member, &dependency.name, allowed));
            }
        }
    }
    violations
}

fn forbidden(member: &Package, dependency: &str, allowed: &[&str]) -> Violation {
    let root = std::env::current_dir().unwrap_or_default();
    let path = member
        .manifest
        .strip_prefix(&root)
        .unwrap_or(&member.manifest);
    let allowed = if allowed.is_empty() {
        "nothing of ours".to_owned()
    } else {
        allowed.join(", ")
    };
    Violation::new(
        &path.to_string_lossy(),
        line_of(path, dependency),
        format!("`{}` must not use `{dependency}`", member.name),
        format!("it may use {allowed}: move the code down, or pass it in through a trait"),
    )
}

/// Where a manifest names a dependency; the first line if it cannot be read.
fn line_of(manifest: &Path, dependency: &str) -> usize {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let named = |line: &str| {
        line.strip_prefix(dependency)
            .is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    text.lines().position(named).map_or(1, |index| index + 1)
}

fn check_absence(absence: &Absence, tree: &str) -> Vec<Violation> {
    let built: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let found = absence.never.iter().filter(|never| built.contains(never));
    found
        .map(|never| {
            let Absence {
                package, features, ..
            } = absence;
            let wrong = format!("`{package}` with {features} builds `{never}`");
            let remedy = format!(
                "`cargo tree -p {package} {features} -e normal -i {never}` shows who brings it"
            );
            Violation::new(&format!("crates/{package}/Cargo.toml"), 1, wrong, remedy)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependencies: &[(&str, DependencyKind)]) -> Package {
        let dependencies = dependencies.iter().map(|(name, kind)| Dependency {
            name: (*name).to_owned(),
            kind: *kind,
        });
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            manifest: format!("crates/{name}/Cargo.toml").into(),
            rust_version: None,
            features: Vec::new(),
            targets: Vec::new(),
            dependencies: dependencies.collect(),
            is_member: true,
        }
    }

    /// Every crate of the list, with the given ones in place of theirs.
    fn members(changed: Vec<Package>) -> Vec<Package> {
        let kept = LAYERS
            .iter()
            .filter(|(name, _)| !changed.iter().any(|package| package.name == *name));
        let mut members: Vec<Package> = kept.map(|(name, _)| package(name, &[])).collect();
        members.extend(changed);
        members
    }

    fn wrongs(changed: Vec<Package>) -> Vec<String> {
        check_edges(&members(changed))
            .into_iter()
            .map(|violation| violation.wrong)
            .collect()
    }

    use DependencyKind::{Build, Dev, Normal};

    #[test]
    fn an_edge_that_points_down_is_allowed() {
        let memory = package(
            "glmsg-memory",
            &[
                ("glmsg-broker", Normal),
                ("tokio", Normal),
                ("glmsg-conformance", Dev),
                ("glmsg-faults", Dev),
            ],
        );
        let tests = package(
            "glmsg-tests",
            &[("glmsg-cli", Normal), ("glmsg-sqlite", Dev)],
        );
        assert!(wrongs(vec![memory, tests]).is_empty());
    }

    #[test]
    fn an_edge_up_or_sideways_is_refused_whatever_its_kind() {
        for kind in [Normal, Build, Dev] {
            assert_eq!(
                wrongs(vec![package("glmsg-core", &[("glmsg-broker", kind)])]),
                ["`glmsg-core` must not use `glmsg-broker`"]
            );
            assert_eq!(
                wrongs(vec![package("glmsg-sqlite", &[("glmsg-redis", kind)])]).len(),
                1
            );
            assert_eq!(
                wrongs(vec![package("xtask", &[("glmsg-core", kind)])]).len(),
                1
            );
        }
        for name in FOR_TESTS {
            assert_eq!(
                wrongs(vec![package("glmsg-sqlite", &[(name, Normal)])]).len(),
                1
            );
            assert_eq!(wrongs(vec![package("xtask", &[(name, Dev)])]).len(), 1);
        }
    }

    #[test]
    fn the_list_and_the_workspace_must_agree() {
        let stranger = check_edges(&members(vec![package("glmsg-new", &[])]));
        assert!(
            stranger[0].wrong.contains("`glmsg-new`") && stranger[0].remedy.starts_with("add it")
        );
        let gone: Vec<Package> = members(Vec::new()).into_iter().skip(1).collect();
        assert_eq!(check_edges(&gone).len(), 1);
    }

    #[test]
    fn a_package_that_must_be_absent_is_found_by_its_whole_name() {
        let absence = &ABSENCES[0];
        assert_eq!(
            check_absence(absence, "glmsg-core v0.1.0\ntokio v1.47.0\n").len(),
            1
        );
        assert!(check_absence(absence, "glmsg-core v0.1.0\ntokio-util v0.7.0\n").is_empty());
    }
}
