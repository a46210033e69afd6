//! What each backend has proved, as a page.

mod judge;
mod render;

use glmsg_conformance::Fixture;

use crate::{Kafka, KafkaPartitions, MemoryByHand, Sqlite};
use judge::{Verdicts, judge, judge_processes};

/// How many cases run at once: most of the time of most cases is waiting.
const AT_ONCE: usize = 24;
/// The same on a server, which is to have time for each.
const AT_ONCE_ON_A_SERVER: usize = 8;

/// One backend's part of the page.
struct Column {
    name: &'static str,
    capability: glmsg_broker::Capability,
    verdicts: Verdicts,
}

/// Runs the suite on all backends and renders the page.
///
/// # Errors
/// The cases that fail, and how to look at them.
pub fn page() -> Result<String, String> {
    // Expected by nobody here, so told once and in order, by the error below.
    std::panic::set_hook(Box::new(|_| {}));
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    let columns = runtime.block_on(async {
        let memory = Column {
            name: "memory",
            capability: MemoryByHand::capability(),
            verdicts: judge::<MemoryByHand>(AT_ONCE).await?,
        };
        let mut sqlite = judge::<Sqlite>(AT_ONCE).await?;
        sqlite.extend(judge_processes::<Sqlite>(Sqlite::url).await?);
        let sqlite = Column {
            name: "sqlite",
            capability: Sqlite::capability(),
            verdicts: sqlite,
        };
        let mut kafka = judge::<Kafka>(AT_ONCE_ON_A_SERVER).await?;
        kafka.extend(judge_processes::<KafkaPartitions>(KafkaPartitions::url).await?);
        let kafka = Column {
            name: "kafka",
            capability: Kafka::capability(),
            verdicts: kafka,
        };
        Ok::<_, String>([memory, sqlite, kafka])
    })?;
    Ok(render::page(&columns))
}
