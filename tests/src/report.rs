//! What each backend has proved, as a page.
//!
//! The suite is run by the tests. The page says what it is that they prove: which cases there are for a
//! backend, and which of them it declares not to hold.

mod judge;
mod render;

use glmsg_broker::Capability;
use glmsg_conformance::Fixture;

use crate::{Kafka, KafkaPartitions, MemoryByHand, Redis7, Sqlite};
use judge::{PROCESS, Verdicts, judge, judge_processes};

/// One backend's part of the page.
struct Column {
    name: &'static str,
    capability: Capability,
    verdicts: Verdicts,
    /// The modules of the tests that run the cases, and those that start processes.
    tests: &'static str,
    process_tests: Option<&'static str>,
}

impl Column {
    fn of<F: Fixture>(name: &'static str, tests: &'static str) -> Self {
        Self {
            name,
            capability: F::capability(),
            verdicts: judge::<F>(),
            tests,
            process_tests: None,
        }
    }

    fn across_processes<F: Fixture>(mut self, tests: &'static str) -> Self {
        self.verdicts.extend(judge_processes::<F>());
        self.process_tests = Some(tests);
        self
    }
}

fn columns() -> [Column; 4] {
    [
        Column::of::<MemoryByHand>("memory", "memory::with_a_clock_moved_by_hand"),
        Column::of::<Sqlite>("sqlite", "sqlite::with_a_running_clock")
            .across_processes::<Sqlite>("sqlite::across_processes"),
        Column::of::<Redis7>("redis", "redis::on_redis_7")
            .across_processes::<Redis7>("redis::across_processes"),
        Column::of::<Kafka>("kafka", "with_one_partition")
            .across_processes::<KafkaPartitions>("across_processes"),
    ]
}

/// The page.
pub fn page() -> String {
    render::page(&columns())
}

/// The names of the tests that prove it.
pub fn tests() -> Vec<String> {
    let mut all = Vec::new();
    for column in columns() {
        for (group, case) in column.verdicts.keys() {
            let module = match column.process_tests {
                Some(module) if *group == PROCESS => module,
                _ => column.tests,
            };
            all.push(format!("{module}::{group}::{case}"));
        }
    }
    all
}
