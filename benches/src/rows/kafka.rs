//! The sections on Kafka.

mod consume;
mod latency;
mod overhead;
mod publish;

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates};
use crate::on_kafka::cluster::{Cluster, Namespace};
use crate::{Measured, Outcome, Rounds, Side};

/// A section's name and what measures it.
type OnKafka = (
    &'static str,
    fn(&Runtime, Rounds, &Cluster) -> Outcome<Measurements>,
);

/// In the order they are measured.
pub(super) const ALL: &[OnKafka] = &[
    ("kafka publish one by one", publish::one_by_one),
    ("kafka publish 50", publish::by_50),
    ("kafka publish 1000", publish::by_1000),
    ("kafka publish batches", publish::batches),
    ("kafka consume 1", consume::by_1),
    ("kafka consume Consumer", consume::by_consumer),
    ("kafka latency", latency::run),
    ("kafka overhead", overhead::run),
];

/// A workload that is run as a task with a namespace of its own, which goes away after it.
fn fresh<'a, F>(
    name: &'static str,
    (runtime, cluster): (&'a Runtime, &'a Cluster),
    mut workload: impl FnMut(Namespace) -> F + 'a,
) -> Side<'a>
where
    F: Future<Output = Outcome<Measured>> + Send + 'static,
{
    Side::new(name, move || {
        let namespace = cluster.namespace()?;
        let measured = runtime.block_on(runtime.spawn(workload(namespace.clone())))?;
        runtime.block_on(runtime.spawn(namespace.wipe()))??;
        measured
    })
}
