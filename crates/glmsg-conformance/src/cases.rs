//! The cases, one module for each group. Each is a function over any fixture, so that an author
//! can step through one in a debugger; as tests they come from [`suite!`](crate::suite).

pub mod batch;
pub mod consumer;
pub mod dead_letter;
pub mod delivery;
pub mod frames;
pub mod groups;
pub mod health;
pub mod idempotence;
pub mod lease;
pub mod limits;
pub mod live;
pub mod ordering;
pub mod priority;
pub mod reconnect;
pub mod redelivery;
pub mod replay;
pub mod retention;
pub mod retry;
pub mod shutdown;
pub mod storage;
pub mod ttl;
