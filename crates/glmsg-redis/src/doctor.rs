//! Whether a server is set up for messages.

mod facts;
mod judge;
mod log_rights;
mod newest;

use std::time::Duration;

use glmsg_broker::{Finding, Severity};
use glmsg_core::{Error, ErrorKind, Result};

use self::facts::Facts;
use crate::config::Eviction;
use crate::connection::Link;

/// How long a server may take to tell about itself.
const ANSWER: Duration = Duration::from_secs(3);

/// Looks at every server that has slots. What a server does not let us ask is a warning.
pub(crate) async fn examine(link: &Link) -> Result<Vec<Finding>> {
    let nodes = link.nodes().await?;
    let mut findings = Vec::new();
    for node in &nodes {
        let facts = Facts::gather(node, &link.config().namespace, ANSWER).await?;
        for finding in judge::all(&facts, link.config()) {
            findings.push(match nodes.len() {
                1 => finding,
                _ => finding.at(&node.address),
            });
        }
    }
    findings.extend(judge::past(&newest::behind(link).await?));
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
