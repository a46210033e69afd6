//! What a server tells of itself.

use glmsg_faults::server::RedisServer;

/// A number of the server's `INFO`.
pub(crate) async fn number(redis: &RedisServer, section: &str, field: &str) -> i64 {
    let info = redis.command(&["INFO", section]).await;
    let mut lines = info.text().expect("a text").lines();
    let number = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    number.expect("a field").parse().expect("a number")
}

/// How many connections it has accepted. This question is one itself.
pub(crate) async fn connections(redis: &RedisServer) -> i64 {
    number(redis, "stats", "total_connections_received").await
}
