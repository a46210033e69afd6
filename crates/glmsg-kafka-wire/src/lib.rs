#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cluster;
mod connection;
#[cfg(test)]
mod ending;
mod endpoint;
mod fetch;
mod headers;
mod produce;
mod record;
mod varint;

pub use cluster::{Cluster, Leaders, Presence};
pub use connection::Connection;
pub use endpoint::{Endpoint, Login, Mechanism, Password, TlsFiles};
pub use fetch::{
    FetchSettings, Fetched, FetchedBatch, Fetcher, Generation, Portion, Watermarks, What,
};
pub use headers::NewHeaders;
pub use produce::{Call, Failure, NewRecord, Outcome, Place, Producer, ProducerSettings};
pub use record::{
    Batch, Batches, Compression, Header, Headers, Iter, Record, Records, TimestampType,
};
