//! What kustomize makes of the manifests, against the schemas of Kubernetes.

use std::path::Path;

use super::program;
use crate::failure::{Failure, Outcome};
use crate::process::Process;
use crate::services::Checkers;
use crate::workspace;

/// What users apply.
const BUILDS: &[&str] = &["base", "overlays/production"];

/// The releases whose schemas are asked: the oldest that is supported, and the newest that the package knows.
const RELEASES: &[&str] = &["1.31", "1.37"];

/// Every field must be one that the release knows: a misspelt one is otherwise dropped in silence.
pub(super) fn check(tools: &Checkers) -> Outcome {
    let directory = workspace::target_directory()?.join("deploy");
    std::fs::create_dir_all(&directory)
        .map_err(|error| Failure::failed(format!("cannot create a directory: {error}")))?;
    for build in BUILDS {
        let source = format!("deploy/kubernetes/{build}");
        let manifests = program(&tools.kubectl)
            .args(["kustomize", &source])
            .stdout()?;
        let file = directory.join(format!("{}.yaml", build.replace('/', "-")));
        std::fs::write(&file, manifests).map_err(|error| {
            Failure::failed(format!("cannot write {}: {error}", file.display()))
        })?;
        for release in RELEASES {
            validate(tools, &file, release)?;
        }
    }
    Ok(())
}

fn validate(tools: &Checkers, file: &Path, release: &str) -> Outcome {
    Process::new("python3")
        .env("PYTHONPATH", &tools.kubernetes.display().to_string())
        .words("-m kubernetes_validate --quiet --strict --kubernetes-version")
        .args([release, &file.display().to_string()])
        .run()
}
