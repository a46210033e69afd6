//! The long cases of the fault matrix on the Redis and Kafka backends: `cargo xtask chaos --long` runs them, each over several seeds,
//! and prints what came of them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, which tell what they counted"
)]

mod clock;
mod cluster;
mod failover;
mod kafka_leader;
mod kafka_many;
mod kafka_memory;
mod partition;
mod place;
mod server_killed;
mod soak;

/// The program of a worker process.
const TRAFFIC: &str = env!("CARGO_BIN_EXE_traffic");

/// A test for each seed.
macro_rules! seeds {
    ($name:ident, $case:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "not every case needs all")]
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn seed_1() {
                ($case)(1).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn seed_2() {
                ($case)(2).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn seed_3() {
                ($case)(3).await;
            }
        }
    };
}
pub(crate) use seeds;
