//! The sections on a Redis server.

mod consume;
mod events;
mod frames;
mod latency;
mod memory;
mod program;
mod publish;
mod request_reply;
mod work_queue;

use tokio::runtime::Runtime;

use super::{Measurements, costs, rates};
use crate::on_redis::server::Address;
use crate::{Measured, Outcome, Rounds, Side};

/// A section's name and what measures it.
type OnRedis = (
    &'static str,
    fn(&Runtime, Rounds, Address) -> Outcome<Measurements>,
);

/// In the order they are measured.
pub(super) const ALL: &[OnRedis] = &[
    ("redis redis-benchmark", program::run),
    ("redis publish one by one", publish::one_by_one),
    ("redis publish 50", publish::by_50),
    ("redis publish 1000", publish::by_1000),
    ("redis publish batches", publish::batches),
    ("redis consume 1", consume::by_1),
    ("redis consume 10", consume::by_10),
    ("redis consume 100", consume::by_100),
    ("redis consume Consumer", consume::by_consumer),
    ("redis consume other ways", consume::other_ways),
    ("redis work queue", work_queue::run),
    ("redis request-reply", request_reply::one),
    ("redis request-reply 100", request_reply::hundred),
    ("redis event append", events::append),
    ("redis event append batches", events::append_batches),
    ("redis event replay", events::replay),
    ("redis latency", latency::run),
    ("redis frames publish", frames::publish),
    ("redis frames consume", frames::consume),
    ("redis overhead", super::overhead::redis),
    ("redis memory", memory::run),
];

/// A workload that is run as a task on a server that was emptied.
fn fresh<'a, F>(
    name: &'static str,
    (runtime, address): (&'a Runtime, Address),
    mut workload: impl FnMut() -> F + 'a,
) -> Side<'a>
where
    F: Future<Output = Outcome<Measured>> + Send + 'static,
{
    Side::new(name, move || {
        address.clear()?;
        runtime.block_on(runtime.spawn(workload()))?
    })
}
