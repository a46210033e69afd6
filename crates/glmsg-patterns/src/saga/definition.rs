//! What a saga is made of.

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, GroupName, Result};

use super::Step;
use super::step::StepDefinition;

/// A saga: a name, a version, and its steps in order.
///
/// A saga that has begun stays on its version. To change the steps of a saga, register the new
/// definition under the next version, beside the old one, and take the old one out when no saga of
/// it is left.
#[derive(Debug, Clone)]
#[must_use = "a definition is registered with a `SagaRunner`"]
pub struct SagaDefinition {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) steps: Vec<StepDefinition>,
    pub(super) timeout: Option<Duration>,
}

impl SagaDefinition {
    /// A saga without steps yet. The name is as groups are named.
    pub fn new(name: impl Into<String>, version: u32) -> Self {
        Self {
            name: name.into(),
            version,
            steps: Vec::new(),
            timeout: None,
        }
    }

    /// One step more, behind those there are.
    pub fn step<T>(mut self, step: Step<T>) -> Self {
        self.steps.push(step.inner);
        self
    }

    /// How long all steps together may take, from the start and over crashes; then what was done is
    /// compensated. Default: as long as they take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        GroupName::new(&self.name)?;
        let mut names: Vec<&str> = self.steps.iter().map(|step| &*step.name).collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        let wrong = match (twice, names.first()) {
            (_, None) => "the saga has no steps".to_owned(),
            (_, Some(&"")) => "a step has no name".to_owned(),
            (Some(pair), _) => format!("two steps are named {:?}", pair[0]),
            (None, _) => return Ok(()),
        };
        Err(Error::new(ErrorKind::InvalidArgument, wrong)
            .operation("register")
            .with("saga", &self.name)
            .with("version", self.version))
    }
}
