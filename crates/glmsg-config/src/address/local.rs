//! The address of a broker in a file.

use glmsg_core::Result;

use super::percent::encode;
use super::query::Query;
use super::{BrokerUrl, finish};
use crate::fault::refused;
use crate::given::Given;

pub(super) fn sqlite(given: &Given) -> Result<BrokerUrl> {
    let path = given.text("sqlite.path").unwrap_or("glmsg.db");
    if path == ":memory:" {
        let at = given.origin("sqlite.path");
        return Err(refused("sqlite.path :memory: would not be durable", &at)
            .remedy("name a file, or set broker_type: memory"));
    }
    let mut query = Query::default();
    query.take(
        given,
        &[
            ("sqlite.busy_timeout_ms", "busy_timeout_ms"),
            ("sqlite.poll_ms", "poll_ms"),
            ("sqlite.wal_autocheckpoint", "wal_autocheckpoint"),
            ("sqlite.max_file_size", "max_file_size"),
        ],
    );
    Ok(finish(format!("sqlite:{}", encode(path, "/")), &query))
}
