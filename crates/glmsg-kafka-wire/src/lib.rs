#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cluster;
mod connection;
mod endpoint;

pub use cluster::{Cluster, Leaders};
pub use connection::Connection;
pub use endpoint::{Endpoint, Login, Mechanism, Password, TlsFiles};
