//! How a workload ends, and the runtime it runs on.

use std::error::Error;

use tokio::runtime::{Builder, Runtime};

/// Why a measurement did not work. Being slow is never a reason.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What a workload returns.
pub type Outcome<T> = Result<T, Failure>;

/// The runtime of every asynchronous workload: tokio's default, as an application has it.
///
/// # Errors
/// If the threads cannot be started.
pub fn runtime() -> Outcome<Runtime> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}

/// Fails unless as many messages came out as went in.
pub(crate) fn must_equal(what: &str, got: u64, expected: u64) -> Outcome<()> {
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}: {got} where {expected} are expected").into())
}
