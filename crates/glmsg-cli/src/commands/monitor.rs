//! `glmsg monitor`: tells Prometheus how far groups are behind, also of those that nobody reads for.

use std::net::SocketAddr;
use std::time::Duration;

use glmsg::{Broker, ErrorKind, GroupName, TopicName};

use crate::exporter::serve_monitor;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::session::{Access, Session, unopened};
use crate::waiting::{Unanswered, timeout};

/// Serve metrics of how far groups are behind, and of the broker's health, until Ctrl-C.
///
/// What a consumer tells of its group goes with the last consumer. One of these beside them tells
/// it also then, so that an alert can fire. It publishes and receives nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of this topic [default: all]
    #[arg(requires = "group")]
    topic: Option<TopicName>,
    /// Of this group [default: all]
    #[arg(long, short, requires = "topic")]
    group: Option<GroupName>,
    /// Serve /metrics for Prometheus, /health/live and /health/ready here, like 0.0.0.0:9464
    /// [default: prometheus_port of the settings, where they serve metrics]
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// How long to wait for a broker that does not answer, such as a server that is restarted
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = timeout)]
    timeout: Duration,
}

impl Args {
    fn only(&self) -> Option<(&TopicName, &GroupName)> {
        self.topic.as_ref().zip(self.group.as_ref())
    }
}

pub(crate) async fn run(session: &mut Session, args: Args) -> Result<(), Failure> {
    session.check(Access::Existing)?;
    let interrupt = Interrupt::listen()?;
    let mut waiting = session.waiting(args.timeout, &interrupt);
    let broker = match session.connect_waiting(&mut waiting).await {
        Ok(broker) => broker,
        Err(Unanswered::Interrupted) => return Ok(()),
        Err(Unanswered::Refused(error)) => return Err(unopened(&error)),
        Err(unanswered) => return Err(unanswered.into()),
    };
    look(broker.as_ref(), &args).await?;
    let (broker, exporter) = serve_monitor(args.metrics, session, broker, args.only()).await?;
    interrupt.finish.cancelled().await;
    exporter.finish(&interrupt).await;
    session.close(&broker).await
}

/// The first look is this command's own: a right that is missing is said here, where somebody reads
/// it. What passes, and a group that is still to come, is the metrics' to tell.
async fn look(broker: &dyn Broker, args: &Args) -> Result<(), Failure> {
    let looked = match args.only() {
        Some((topic, group)) => broker.lag(topic, group).await.map(drop),
        None => broker.topic_names().await.map(drop),
    };
    match looked {
        Err(error) if !error.is_transient() && error.kind() != ErrorKind::NotFound => {
            Err(error.into())
        }
        _ => Ok(()),
    }
}
