//! `--metrics`: Prometheus metrics and health of this process, while a command runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use glmsg::Broker;
#[cfg(feature = "metrics")]
use glmsg::metrics::{MetricsServer, Monitor, Options, PrometheusLayer};

use crate::arguments::duration;
use crate::failure::Failure;
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
#[must_use = "dropping it stops serving"]
pub(crate) struct Exporter {
    #[cfg(feature = "metrics")]
    serving: Option<(MetricsServer, Monitor)>,
    #[cfg(feature = "metrics")]
    hold: Option<Duration>,
}

impl MetricsArgs {
    /// Serves where that was asked for, and gives the broker that counts.
    #[cfg(feature = "metrics")]
    pub(crate) async fn serve(
        &self,
        session: &Session,
        broker: Arc<dyn Broker>,
    ) -> Result<(Arc<dyn Broker>, Exporter), Failure> {
        use glmsg::Layer;
        use glmsg::metrics::prometheus_client::registry::Registry;

        let hold = self.metrics_hold;
        let Some(address) = self.metrics else {
            let serving = None;
            return Ok((broker, Exporter { serving, hold }));
        };
        let mut registry = Registry::default();
        let layer = PrometheusLayer::new(&mut registry, Options::default())?;
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
    pub(crate) async fn serve(
        &self,
        _session: &Session,
        broker: Arc<dyn Broker>,
    ) -> Result<(Arc<dyn Broker>, Exporter), Failure> {
        match self.metrics {
            None => Ok((broker, Exporter {})),
            Some(_) => Err(Failure::usage(
                "this build of glmsg serves no metrics: build it with --features metrics",
            )),
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
            // How far groups are behind at the end is seen too. A failure is in the metrics.
            let _ = monitor.look().await;
            tokio::select! {
                () = server.scraped() => {}
                () = tokio::time::sleep(hold) => {}
                () = interrupt.finish.cancelled() => {}
            }
        }
        drop(monitor);
        server.shutdown().await;
    }

    #[cfg(not(feature = "metrics"))]
    #[allow(
        clippy::unused_async,
        reason = "as where there is something to wait for"
    )]
    pub(crate) async fn finish(self, _interrupt: &Interrupt) {}
}
