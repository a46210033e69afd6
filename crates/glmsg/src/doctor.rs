//! How the broker behind a URL is set up.

use glmsg_broker::Finding;
use glmsg_core::Result;

use crate::connect::{Purpose, open};

/// Looks how the broker that `url` names is set up, as [`connect`](crate::connect) would open it:
/// see [`Backend::doctor`](glmsg_broker::Backend::doctor). A server that would be refused for what it
/// throws away is looked at all the same.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use glmsg::Severity;
///
/// let findings = glmsg::doctor("memory:").await?;
/// assert!(findings.iter().all(|f| f.severity < Severity::Problem));
/// // It says that what it holds ends with the process.
/// assert!(findings.iter().any(|f| f.subject == "durability"));
/// # Ok::<(), glmsg::Error>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// As [`connect`](crate::connect), and what keeps the broker from telling about itself.
pub async fn doctor(url: &str) -> Result<Vec<Finding>> {
    let broker = Box::pin(open(url, Purpose::Examine)).await;
    let broker = broker.map_err(|e| e.operation("doctor"))?;
    let findings = broker.doctor().await;
    // Nothing was stored: what is found matters more than how it closes.
    let _ = broker.close().await;
    findings
}
