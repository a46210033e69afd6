//! Servers that live as long as their case.

use glmsg_faults::server::{Fsync, Kind, RedisServer, RedisSetup};

/// What a server needs that is never killed: when it writes to its disk is all the same, and a busy disk does not make
/// the case wait.
pub(crate) fn setup() -> RedisSetup {
    RedisSetup::default().fsync(Fsync::No)
}

/// A Redis 7 of that kind.
pub(crate) async fn redis() -> RedisServer {
    RedisServer::start(Kind::Redis7, setup()).await
}
