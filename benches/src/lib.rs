//! What `cargo xtask bench` measures: the library's figures, each beside a raw twin that does the
//! same work without it. `docs/performance.md` says what each row means.
//!
//! The workloads return a [`Measured`] and are shared by the table and the criterion benches.

mod arguments;
mod consuming;
mod counting;
mod envelope;
mod events;
mod layers;
mod machine;
mod measured;
#[cfg(feature = "kafka")]
mod on_kafka;
mod on_redis;
mod outcome;
mod pacing;
mod printing;
mod publishing;
mod raw_channel;
mod raw_events;
mod raw_pacing;
mod raw_store;
mod rounds;
mod row;
mod rows;
mod sample;
mod series;
mod served;
mod store;
mod streaming;
mod through;
mod unit;

pub use arguments::{Arguments, HELP};
pub use consuming::{consume_by_consumer, consume_by_source, raw_consume};
pub use envelope::{raw_hash, round_trip};
pub use measured::{Latencies, Measured, Stopwatch};
pub use on_redis::memory::memory_child;
pub use outcome::{Failure, Outcome, runtime};
pub use pacing::paced;
pub use printing::{heading, json, notes, section_text};
pub use publishing::{publish_batches, publish_concurrently, raw_publish, raw_publish_envelopes};
pub use raw_channel::raw_channel;
pub use raw_pacing::raw_paced;
pub use rounds::{Rounds, Side};
pub use row::{Row, Target, Twin};
pub use rows::{Section, chosen};
pub use series::Series;
pub use streaming::stream;
pub use unit::Unit;
