#![doc = include_str!("docs.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acker;
mod admin;
mod backend;
mod broker;
mod combine;
mod config;
mod connection;
mod dead_letter;
mod digits;
mod doctor;
mod encode;
mod error;
mod event;
mod frame;
mod health;
mod keys;
mod known;
mod leaving;
mod live;
mod member;
mod outbox;
mod place;
mod publish;
mod reading;
mod recent;
mod recently_used;
mod replay;
mod room;
mod scripts;
mod standing;
mod storage;
mod subscriber;
mod topology;

pub use acker::RedisSettler;
pub use broker::RedisBroker;
pub use config::{Address, Eviction, RedisConfig, Secret, Server, TlsFiles};
pub use event::RedisEvent;
pub use storage::RedisStorage;
pub use subscriber::RedisSource;

/// The README is compiled, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
