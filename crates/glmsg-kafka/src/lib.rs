#![doc = include_str!("docs.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod absence;
mod acker;
mod admin;
mod backend;
mod bell;
mod broker;
mod cluster;
mod config;
mod connection;
mod dead_letter;
mod doctor;
mod encode;
mod entry;
mod error;
mod group;
mod health;
mod inbox;
mod lag;
mod listing;
mod marks;
mod moving;
mod names;
mod producer;
mod progress;
mod publish;
mod read_record;
mod reader;
mod record;
mod replay;
mod retry;
mod scan;
mod settling;
mod storage;
mod subscriber;
mod topology;
mod transactional;
mod verify;
mod window;

pub use acker::KafkaSettler;
pub use broker::KafkaBroker;
pub use config::{
    Address, Compression, Encoding, GroupProtocol, KafkaConfig, Profile, SaslMechanism, Secret,
    TlsFiles,
};
pub use storage::KafkaStorage;
pub use subscriber::KafkaSource;
pub use transactional::{Input, Transaction, Transactional, TransactionalOptions};

/// The README is compiled, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
