//! What each backend has proved, as a page.

mod judge;
mod render;

use glmsg_conformance::Fixture;

use crate::{MemoryByHand, Sqlite};
use judge::{Verdicts, judge, judge_processes};

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
            verdicts: judge::<MemoryByHand>().await?,
        };
        let mut sqlite = judge::<Sqlite>().await?;
        sqlite.extend(judge_processes::<Sqlite>(Sqlite::url).await?);
        let sqlite = Column {
            name: "sqlite",
            capability: Sqlite::capability(),
            verdicts: sqlite,
        };
        Ok::<_, String>([memory, sqlite])
    })?;
    Ok(render::page(&columns))
}
