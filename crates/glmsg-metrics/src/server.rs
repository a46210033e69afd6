//! A small HTTP endpoint for Prometheus and for whoever restarts processes.

mod answer;
mod connection;
mod request;
mod scrapes;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use glmsg_broker::CancellationToken;
use glmsg_core::{Error, ErrorKind, Result};
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use self::answer::Routes;
use self::scrapes::Scrapes;
use crate::HealthProbe;

/// How many connections are served at a time. More wait to be accepted.
const CONNECTIONS: usize = 64;
/// After a failed accept, such as for want of descriptors, before the next.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a graceful stop waits for answers under way.
const STOP: Duration = Duration::from_secs(5);

/// A small HTTP endpoint, for Prometheus and for whoever restarts processes.
///
/// | path | answer |
/// | --- | --- |
/// | `/metrics` | the registry, as OpenMetrics for who asks for it, else as Prometheus' text |
/// | `/health/live` | 200: the process runs |
/// | `/health/ready` | 200 if the broker can do its work, else 503 with what is wrong, in a line |
///
/// # Behavior
/// - `GET` and `HEAD` alone; another method is 405, another path 404.
/// - A request has 8 KiB and 5 s for its head, an answer 10 s to be taken. At most 64 connections
///   are served at a time. Each has one request.
/// - It has neither TLS nor passwords, and metrics tell the names of topics: bind it where only
///   those reach it who may read them.
///
/// ```
/// # use std::sync::Arc;
/// # use glmsg_broker::{Broker, Layer};
/// use glmsg_metrics::prometheus_client::registry::Registry;
/// use glmsg_metrics::{MetricsServer, Monitor, Options, PrometheusLayer};
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let broker: Arc<dyn Broker> = Arc::new(glmsg_memory::MemoryBroker::default());
///
/// let mut registry = Registry::default();
/// let layer = PrometheusLayer::new(&mut registry, Options::default())?;
/// let broker = layer.layer(broker);
/// let monitor = Monitor::start(&layer, broker);
/// let server = MetricsServer::bind("127.0.0.1:0", registry, monitor.health()).await?;
/// println!("metrics at http://{}/metrics", server.address());
/// server.shutdown().await;
/// # Ok::<(), glmsg_core::Error>(())
/// # }).unwrap();
/// ```
#[must_use = "dropping the server stops it"]
pub struct MetricsServer {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
    scrapes: Arc<Scrapes>,
}

impl MetricsServer {
    /// Serves on `address`, such as `127.0.0.1:9464`; port 0 takes a free one.
    ///
    /// # Errors
    /// `InvalidArgument` if it is no address, or cannot be bound.
    pub async fn bind(
        address: impl ToSocketAddrs,
        registry: impl Into<Arc<Registry>>,
        health: HealthProbe,
    ) -> Result<Self> {
        let bound = TcpListener::bind(address).await;
        let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|error| {
            let what = format!("the metrics endpoint cannot listen: {error}");
            Error::new(ErrorKind::InvalidArgument, what)
                .operation("bind")
                .remedy("name an address of this machine and a port that is free")
                .source(error)
        })?;
        let stop = CancellationToken::new();
        let routes = Arc::new(Routes {
            registry: registry.into(),
            health,
            scrapes: Arc::default(),
        });
        let scrapes = routes.scrapes.clone();
        let task = tokio::spawn(serve(listener, routes, stop.clone()));
        Ok(Self {
            address,
            stop,
            task,
            scrapes,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until `/metrics` was asked for and given, all of it after this call: what has been
    /// counted until now has then been seen. For a program that would end before it is looked at.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn scraped(&self) {
        self.scrapes.next().await;
    }

    /// Stops listening, and returns when the answers under way are given, after 5 s at most.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        // It ends by itself, within a limit of its own; a panic in it is told by the runtime.
        let _ = (&mut self.task).await;
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for MetricsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        f.debug_struct("MetricsServer")
            .field("address", &address)
            .finish_non_exhaustive()
    }
}

async fn serve(listener: TcpListener, routes: Arc<Routes>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let accepting = async {
        loop {
            // A place first: who is not accepted waits in the system's queue, and costs nothing.
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let routes = routes.clone();
                    tokio::spawn(async move {
                        connection::serve(stream, &routes).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "the metrics endpoint could not accept");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop.cancelled() => {}
    }
    drop(listener);
    // All places free: nobody is served any more.
    let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(STOP, places.acquire_many(all)).await;
}
