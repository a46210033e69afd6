#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cluster;
mod connection;
mod endpoint;
mod headers;
mod produce;
mod varint;

pub use cluster::{Cluster, Leaders};
pub use connection::Connection;
pub use endpoint::{Endpoint, Login, Mechanism, Password, TlsFiles};
pub use headers::Headers;
pub use produce::{Call, Failure, Outcome, Place, Producer, ProducerSettings, Record};
