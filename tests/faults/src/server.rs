//! Servers of a case: started on a free port, killed, stopped, restarted where they were.

mod cluster;
mod handle;
mod log;
mod redis;
mod resp;
mod sentinel;

pub use cluster::ClusterSet;
pub use handle::{Probe, Server};
pub use redis::{Fsync, Kind, RedisServer, RedisSetup};
pub use resp::Reply;
pub use sentinel::{SentinelSet, SentinelSetup};
