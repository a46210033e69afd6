//! Whether a server is set up for messages.

mod facts;
mod judge;

use std::time::Duration;

use glmsg_core::{Error, ErrorKind, Result};

use self::facts::Facts;
use crate::config::Eviction;
use crate::connection::Link;

/// How long a server may take to tell about itself.
const ANSWER: Duration = Duration::from_secs(3);

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// It works, but needs a look.
    Warning,
    /// Messages can be lost, or something does not work.
    Problem,
}

/// One thing that was found out about a server.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Finding {
    fn ok(what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Ok,
            what: what.into(),
            remedy: None,
        }
    }

    fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            what: what.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn problem(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Problem,
            ..Self::warning(what, remedy)
        }
    }
}

/// Looks at every server that has slots. What a server does not let us ask is a warning.
pub(crate) async fn examine(link: &Link) -> Result<Vec<Finding>> {
    let nodes = link.nodes().await?;
    let mut findings = Vec::new();
    for node in &nodes {
        let facts = Facts::gather(node, ANSWER).await?;
        for mut finding in judge::all(&facts, link.config()) {
            if nodes.len() > 1 {
                finding.what = format!("{}: {}", node.address, finding.what);
            }
            findings.push(finding);
        }
    }
    Ok(findings)
}

/// Refuses a server that throws messages away when its memory is full.
///
/// # Errors
/// `ConfigInvalid`.
pub(crate) async fn refuse_eviction(link: &Link) -> Result<()> {
    if link.config().eviction == Eviction::Warn {
        return Ok(());
    }
    for node in link.nodes().await? {
        let policy = facts::eviction(&node, ANSWER).await?;
        let finding = judge::eviction(policy.as_deref());
        if finding.severity == Severity::Problem {
            let error = Error::new(ErrorKind::ConfigInvalid, finding.what)
                .operation("open")
                .with("address", &node.address);
            return Err(match finding.remedy {
                Some(remedy) => error.remedy(format!("{remedy}; or accept it: eviction=warn")),
                None => error,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
