//! Prometheus metrics and health of this process, while a command runs: where `--metrics` says, and
//! for a command that goes on where the settings say.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "metrics")]
use glmsg::metrics::{MetricsServer, Monitor};
use glmsg::{Broker, GroupName, TopicName};

use crate::arguments::duration;
use crate::failure::{Failure, say};
use crate::interrupt::Interrupt;
use crate::session::Session;

/// Where metrics are served, and how long after the work is done.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MetricsArgs {
    /// Serve /metrics for Prometheus, /health/live and /health/ready here while the command runs,
    /// like 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// When all is done, wait until the metrics were read once more, this long at most
    #[arg(long, value_name = "DURATION", requires = "metrics", value_parser = duration)]
    metrics_hold: Option<Duration>,
}

/// What serves metrics, if anything does.
#[derive(Default)]
#[must_use = "dropping it stops serving"]
pub(crate) struct Exporter {
    #[cfg(feature = "metrics")]
    serving: Option<(MetricsServer, Monitor)>,
    #[cfg(feature = "metrics")]
    hold: Option<Duration>,
}

/// The broker that counts, and what serves the counts.
type Serving = (Arc<dyn Broker>, Exporter);

/// Why metrics are not served.
enum Unserved {
    /// Another process has the address.
    InUse(Failure),
    Failed(Failure),
}

impl MetricsArgs {
    /// Serves where the option says, and gives the broker that counts. It looks at all groups.
    pub(crate) async fn serve(
        &self,
        session: &Session,
        broker: Arc<dyn Broker>,
    ) -> Result<Serving, Failure> {
        match self.metrics {
            Some(address) => {
                let at = (address, self.metrics_hold);
                Ok(start(at, session, broker, None).await?)
            }
            None => Ok((broker, Exporter::default())),
        }
    }

    /// Serves where the option says, else where the settings do, and gives the broker that counts.
    /// It looks at this group alone: who receives for one need not be allowed to list others.
    pub(crate) async fn serve_member(
        &self,
        session: &Session,
        broker: Arc<dyn Broker>,
        topic: &TopicName,
        group: &GroupName,
    ) -> Result<Serving, Failure> {
        let Some(address) = self.metrics.or(session.preferences.metrics) else {
            return Ok((broker, Exporter::default()));
        };
        let own = Some((topic, group));
        let at = (address, self.metrics_hold);
        match start(at, session, broker.clone(), own).await {
            // Several commands of one machine may share a file of settings.
            Err(Unserved::InUse(_)) if self.metrics.is_none() => {
                say(&format!(
                    "no metrics are served: {address} is in use; let prometheus_port name another \
                     port, or --metrics another address"
                ));
                Ok((broker, Exporter::default()))
            }
            started => Ok(started?),
        }
    }
}

/// Serves until the end, for a command that does nothing else: where it says, else where the
/// settings do. It looks at this group alone, or at all.
pub(crate) async fn serve_monitor(
    address: Option<SocketAddr>,
    session: &Session,
    broker: Arc<dyn Broker>,
    only: Option<(&TopicName, &GroupName)>,
) -> Result<Serving, Failure> {
    let address = address.or(session.preferences.metrics).ok_or_else(|| {
        Failure::usage(
            "where to serve is not said: use --metrics ADDRESS, like 0.0.0.0:9464, or \
             metrics_enabled and prometheus_port of the settings",
        )
    })?;
    Ok(start((address, None), session, broker, only).await?)
}

#[cfg(feature = "metrics")]
async fn start(
    (address, hold): (SocketAddr, Option<Duration>),
    session: &Session,
    broker: Arc<dyn Broker>,
    only: Option<(&TopicName, &GroupName)>,
) -> Result<Serving, Unserved> {
    use glmsg::Layer;
    use glmsg::metrics::prometheus_client::registry::Registry;
    use glmsg::metrics::{Options, PrometheusLayer};

    let mut options = Options::default();
    if let Some(interval) = session.preferences.health_interval {
        options = options.health_interval(interval);
    }
    if let Some((topic, group)) = only {
        options = options.watch(topic, group)?;
    }
    let mut registry = Registry::default();
    let layer = PrometheusLayer::new(&mut registry, options)?;
    let broker = layer.layer(broker);
    let monitor = Monitor::start(&layer, broker.clone());
    let server = MetricsServer::bind(address, registry, monitor.health()).await?;
    // With port 0 nobody could know.
    session
        .progress
        .note(&format!("metrics at http://{}/metrics", server.address()));
    let serving = Some((server, monitor));
    Ok((broker, Exporter { serving, hold }))
}

#[cfg(not(feature = "metrics"))]
#[allow(clippy::unused_async, reason = "as where there is something to bind")]
async fn start(
    _at: (SocketAddr, Option<Duration>),
    _session: &Session,
    _broker: Arc<dyn Broker>,
    _only: Option<(&TopicName, &GroupName)>,
) -> Result<Serving, Unserved> {
    Err(Unserved::Failed(Failure::usage(
        "this build of glmsg serves no metrics: build it with --features metrics, or set \
         metrics_enabled to false",
    )))
}

impl From<glmsg::Error> for Unserved {
    fn from(error: glmsg::Error) -> Self {
        let cause = std::error::Error::source(&error);
        let cause = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>());
        let in_use = cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::AddrInUse);
        match in_use {
            true => Self::InUse(error.into()),
            false => Self::Failed(error.into()),
        }
    }
}

impl From<Unserved> for Failure {
    fn from(unserved: Unserved) -> Self {
        match unserved {
            Unserved::InUse(failure) | Unserved::Failed(failure) => failure,
        }
    }
}

impl Exporter {
    /// Waits, where that was asked for, until what was counted has been read; Ctrl-C ends it.
    /// Then it serves no more.
    #[cfg(feature = "metrics")]
    pub(crate) async fn finish(self, interrupt: &Interrupt) {
        let Some((server, monitor)) = self.serving else {
            return;
        };
        if let Some(hold) = self.hold {
            let read = async {
                // How far groups are behind at the end is seen too. A failure is in the metrics.
                let _ = monitor.look().await;
                server.scraped().await;
            };
            tokio::select! {
                () = read => {}
                () = tokio::time::sleep(hold) => {}
                () = interrupt.finish.cancelled() => {}
            }
        }
        // In this order: what the last to ask is given has the groups, too.
        server.shutdown().await;
        drop(monitor);
    }

    #[cfg(not(feature = "metrics"))]
    #[allow(
        clippy::unused_async,
        reason = "as where there is something to wait for"
    )]
    pub(crate) async fn finish(self, _interrupt: &Interrupt) {}
}
