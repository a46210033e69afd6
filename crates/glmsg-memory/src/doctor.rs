//! How a broker in memory is set up.

use glmsg_broker::Finding;
use glmsg_core::Result;

use crate::MemoryBroker;

impl MemoryBroker {
    pub(crate) fn examine(&self) -> Result<Vec<Finding>> {
        let topics = self.list_topics()?;
        let messages: u64 = topics.iter().map(|t| t.messages + t.scheduled).sum();
        let config = &self.shared.config;
        let durability = Finding::warning(
            "durability",
            "what it holds ends with this process",
            "use sqlite:PATH or a server for what must survive it",
        );
        let memory = Finding::ok(
            "memory",
            format!(
                "it holds {messages} messages in {} topics, each of which is bounded",
                topics.len()
            ),
        );
        let clock = match config.clock.is_manual() {
            false => Finding::ok("clock", "time is this process's own"),
            true => Finding::warning(
                "clock",
                "time stands still but where somebody moves it",
                "use a manual clock in tests alone",
            ),
        };
        Ok(vec![durability, memory, clock])
    }
}
