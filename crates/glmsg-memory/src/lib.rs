#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acker;
mod admin;
mod backend;
mod clock;
mod config;
mod dead_letter;
mod delivery;
mod doctor;
mod error;
mod group;
mod id_set;
mod key_order;
mod lane;
mod live;
mod member;
mod progress;
mod publish;
mod replay;
mod retention;
mod schedule;
mod shared;
mod storage;
mod subscriber;
mod timers;
mod topic;
mod waiting;

pub use acker::MemorySettler;
pub use backend::MemoryBroker;
pub use clock::TokioClock;
pub use config::MemoryConfig;
pub use storage::MemoryStorage;
pub use subscriber::MemorySource;
