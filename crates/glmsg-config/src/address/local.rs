//! The address of a broker in a file.

use super::percent::encode;
use super::query::Query;
use super::{BrokerUrl, finish};
use crate::fault::{Faults, refused};
use crate::given::Given;

pub(super) fn sqlite(given: &Given, faults: &mut Faults) -> BrokerUrl {
    let path = given.text("sqlite.path").unwrap_or("glmsg.db");
    if path == ":memory:" {
        let at = given.origin("sqlite.path");
        let error = refused("sqlite.path :memory: would not be durable", &at);
        faults.add(error.remedy("name a file, or set broker_type: memory"));
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
    finish(format!("sqlite:{}", encode(path, "/")), &query)
}
