//! What checks the files of `deploy/`: tools of those who read such files, fetched as the servers are.

use std::path::PathBuf;

use super::program::Program;
use super::provided;
use crate::failure::Outcome;

/// Where each is.
#[derive(Debug)]
pub(crate) struct Checkers {
    pub(crate) promtool: PathBuf,
    pub(crate) hadolint: PathBuf,
    pub(crate) compose: PathBuf,
    pub(crate) kubectl: PathBuf,
    /// The directory that Python finds `kubernetes_validate` in.
    pub(crate) kubernetes: PathBuf,
}

/// Makes sure that they are there. Prometheus itself, too: it is for the tests.
pub(crate) fn checkers() -> Outcome<Checkers> {
    let environment = provided(&[
        Program::Prometheus,
        Program::Promtool,
        Program::Hadolint,
        Program::Compose,
        Program::Kubectl,
        Program::KubernetesSchemas,
    ])?;
    Ok(Checkers {
        promtool: Program::Promtool.path(&environment)?,
        hadolint: Program::Hadolint.path(&environment)?,
        compose: Program::Compose.path(&environment)?,
        kubectl: Program::Kubectl.path(&environment)?,
        kubernetes: Program::KubernetesSchemas.path(&environment)?,
    })
}
