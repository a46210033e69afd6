//! The workloads on a Redis server, the library's and their raw twins.

pub(crate) mod consuming;
pub(crate) mod memory;
pub(crate) mod pacing;
pub(crate) mod program;
pub(crate) mod progress;
pub(crate) mod publishing;
pub(crate) mod raw;
pub(crate) mod raw_consuming;
pub(crate) mod raw_frames;
pub(crate) mod raw_pacing;
pub(crate) mod raw_publishing;
pub(crate) mod server;
pub(crate) mod store;
