//! The workloads on a Redis server, the library's and their raw twins.

pub(crate) mod memory;
pub(crate) mod program;
pub(crate) mod raw;
pub(crate) mod raw_consuming;
pub(crate) mod raw_events;
pub(crate) mod raw_frames;
pub(crate) mod raw_pacing;
pub(crate) mod raw_publishing;
pub(crate) mod raw_request_reply;
pub(crate) mod server;
