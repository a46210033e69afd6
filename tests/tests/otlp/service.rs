//! A service: a thread with a runtime, a subscriber and an export of its own.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use glmsg_broker::{Broker, Layer};
use glmsg_core::Result;
use glmsg_sqlite::{SqliteBroker, SqliteConfig};
use glmsg_tracing::{OtlpExport, TracingLayer};
use tracing_subscriber::layer::SubscriberExt;

/// Runs `work` as the service `name`, whose broker is the file `path` and whose spans go to `endpoint`.
/// They have been exported when this returns; the result is the export's.
pub(crate) async fn run<F, Fut>(
    name: &'static str,
    endpoint: String,
    path: PathBuf,
    work: F,
) -> Result<()>
where
    F: FnOnce(Arc<dyn Broker>) -> Fut + Send + 'static,
    Fut: Future<Output = ()>,
{
    let service = move || {
        let export = OtlpExport::builder(endpoint)
            .service_name(name)
            .build()
            .expect("an export");
        let subscriber = tracing_subscriber::registry().with(export.layer());
        let spans = tracing::subscriber::set_default(subscriber);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let file = SqliteBroker::open(SqliteConfig::new(path)).await;
            let broker = TracingLayer::new().layer(Arc::new(file.expect("a broker")));
            work(broker.clone()).await;
            broker.close().await.expect("a broker that closes");
        });
        drop(spans);
        export.shutdown()
    };
    let ended = tokio::task::spawn_blocking(service).await;
    ended.expect("a service that ends")
}
