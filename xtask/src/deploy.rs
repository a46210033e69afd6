//! `cargo xtask deploy`: what can be said about the files of `deploy/` without running them, by the tools that read them.

mod alerts;
mod dashboard;
mod image;
mod manifests;

use std::path::Path;

use crate::arguments::{Arguments, Grammar};
use crate::failure::Outcome;
use crate::process::Process;
use crate::services::{self, Checkers};
use crate::steps::Steps;

pub(crate) const HELP: &str = "\
Checks the files of deploy/: the configuration, rules and alerts of Prometheus with their unit tests, the dashboard, the
Compose file, the Dockerfile, and what kustomize makes of the manifests against the schemas of Kubernetes.

Usage: cargo xtask deploy [--image]

Options:
  --image  Also build the static program of the image, as the Dockerfile does: it takes minutes

The tools are fetched with `apt-get` and `python3 -m pip` into `services` below cargo's target directory. That the files do
what they are for is tested by `cargo test --package glmsg-cli --test deploy`, and for Prometheus and Grafana by
`cargo test --package glmsg-tests --test metrics`.";

pub(crate) fn run(words: &[String]) -> Outcome {
    let grammar = Grammar {
        switches: &["--image"],
        ..Grammar::default()
    };
    let args = Arguments::parse(words, &grammar)?;
    let tools = services::checkers()?;
    let mut steps = Steps::default();
    steps.run("prometheus", || prometheus(&tools));
    steps.run("alerts", alerts::check);
    steps.run("dashboard", dashboard::check);
    steps.run("compose", || compose(&tools));
    steps.run("dockerfile", || dockerfile(&tools));
    steps.run("manifests", || manifests::check(&tools));
    if args.has("--image") {
        steps.run("image", image::check);
    }
    steps.finish()
}

fn program(path: &Path) -> Process {
    Process::new(&path.display().to_string())
}

fn prometheus(tools: &Checkers) -> Outcome {
    let promtool = || program(&tools.promtool);
    let directory = Path::new("deploy/prometheus");
    let checks = [
        "check config prometheus.yml",
        "check rules rules.yml",
        "test rules rules_test.yml",
    ];
    checks
        .iter()
        .try_for_each(|words| promtool().words(words).within(directory).run())
}

fn compose(tools: &Checkers) -> Outcome {
    // With the profiles that are not started by default.
    program(&tools.compose)
        .words("--file docker-compose.yml --profile * config --quiet")
        .within(Path::new("deploy/docker"))
        .run()
}

fn dockerfile(tools: &Checkers) -> Outcome {
    program(&tools.hadolint)
        .words("--failure-threshold info deploy/docker/Dockerfile")
        .run()
}
