//! The worker process of the process-level cases.

use std::process::ExitCode;
use std::sync::Arc;

use glmsg_broker::Broker;
use glmsg_conformance::{Plan, run_worker};
use glmsg_sqlite::{SqliteBroker, SqliteConfig};

/// Does what the arguments say; see [`Plan`].
///
/// # Panics
/// If the store cannot be opened.
pub fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let plan = Plan::from_args();
        let config = SqliteConfig::from_url(&plan.url).expect("a valid URL");
        let broker = SqliteBroker::open(config).await.expect("the store opens");
        run_worker(plan, Arc::new(broker) as Arc<dyn Broker>).await
    })
}
