//! `cargo xtask features`: every feature of every crate builds alone.

use crate::arguments::{Arguments, Grammar};
use crate::failure::{Failure, Outcome};
use crate::lint;
use crate::process::Process;
use crate::steps::Steps;
use crate::workspace::{self, Package};

pub(crate) const HELP: &str = "\
Builds every crate with no features, with each feature alone, and with all of them, every warning an error.

Usage: cargo xtask features [CRATE]";

pub(crate) fn run(words: &[String]) -> Outcome {
    let args = Arguments::parse(
        words,
        &Grammar {
            name: Some("CRATE"),
            ..Grammar::default()
        },
    )?;
    lint::require_component("clippy", "clippy --version")?;
    let mut members = workspace::members()?;
    if let Some(name) = &args.name {
        members.retain(|member| member.name == *name);
        if members.is_empty() {
            return Err(Failure::usage(format!(
                "there is no crate `{name}` in the workspace"
            )));
        }
    }
    let mut steps = Steps::default();
    for member in members {
        for selection in selections(&member.features) {
            let name = format!("{} {selection}", member.name);
            // Clippy is `cargo check` and more, and its `-D warnings` reaches our crates alone: a dependency is not
            // built a second time for it, as RUSTFLAGS would make it.
            steps.run(&name, || {
                Process::cargo("clippy --quiet --locked --package")
                    .args([member.name.as_str()])
                    .args(target_flags(&member))
                    .words(&selection)
                    .words("-- -D warnings")
                    .run()
            });
        }
    }
    steps.finish()
}

/// The feature flags to build one crate with. A crate without features has one way to be built.
fn selections(features: &[String]) -> Vec<String> {
    let mut selections = vec!["--no-default-features".to_owned()];
    if features.is_empty() {
        return selections;
    }
    selections.extend(
        features
            .iter()
            .map(|feature| format!("--no-default-features --features {feature}")),
    );
    selections.push("--all-features".to_owned());
    selections
}

/// Libraries and binaries only: a test may need a feature that its dev-dependencies turn on.
fn target_flags(package: &Package) -> Vec<&'static str> {
    let kinds = [("lib", "--lib"), ("bin", "--bins")];
    kinds
        .into_iter()
        .filter(|(kind, _)| package.has_kind(kind))
        .map(|(_, flag)| flag)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_is_selected_alone_between_none_and_all() {
        let features = ["hmac".to_owned(), "json".to_owned()];
        assert_eq!(
            selections(&features),
            [
                "--no-default-features",
                "--no-default-features --features hmac",
                "--no-default-features --features json",
                "--all-features",
            ]
        );
        assert_eq!(selections(&[]), ["--no-default-features"]);
    }
}
