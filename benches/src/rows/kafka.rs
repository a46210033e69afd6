//! The sections on Kafka.

mod consume;
mod latency;
mod overhead;
mod publish;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates};
use crate::on_kafka::cluster::{Cluster, Namespace};
use crate::on_kafka::raw_publishing::raw_publish;
use crate::served::publishing::{Publishers, publish as publish_by};
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

/// Has a broker that was just started compile what it does all the time: in its first seconds it takes ten times as long
/// for a message, whoever's, and in its first minute more than later. Done once in a run, by all that is measured.
pub(super) fn warm_up(runtime: &Runtime, rounds: Rounds, cluster: &Cluster) -> Outcome<()> {
    static IS_WARM: AtomicBool = AtomicBool::new(false);
    if IS_WARM.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    for (tasks, batch) in [(1, 1), (50, 1), (1000, 1), (4, 100)] {
        let publishers = Publishers {
            tasks,
            batch,
            lasting: rounds.time(WARM_UP),
        };
        let here = (runtime, cluster);
        let mut sides = [
            fresh("ours", here, |n| publish_by(n.served, publishers)),
            fresh("raw", here, |n| raw_publish(cluster.clone(), n, publishers)),
        ];
        Rounds::new(true).alternate(&mut sides)?;
    }
    consume::by_1(runtime, Rounds::new(true), cluster)?;
    Ok(())
}

/// How long each publishes at a time.
const WARM_UP: Duration = Duration::from_secs(4);

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
