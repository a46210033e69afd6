//! Servers of a case: started on a free port, killed, stopped, restarted where they were.

mod cluster;
mod handle;
mod kafka;
mod log;
mod mortal;
mod redis;
mod resp;
mod sentinel;

pub use cluster::ClusterSet;
pub use handle::{Probe, Server};
pub use kafka::KafkaSet;
pub use mortal::Mortal;
pub use redis::{Fsync, Kind, RedisServer, RedisSetup};
pub use resp::Reply;
pub use sentinel::{SentinelSet, SentinelSetup};
