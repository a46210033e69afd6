#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;
mod doctor;
pub mod prelude;

pub use connect::{connect, schemes};
pub use doctor::doctor;
pub use glmsg_broker::*;
pub use glmsg_core::*;

/// The in-process broker.
#[cfg(feature = "memory")]
pub mod memory {
    pub use glmsg_memory::*;
}

/// The Redis and Valkey broker.
#[cfg(feature = "redis")]
pub mod redis {
    pub use glmsg_redis::*;
}

/// The embedded durable broker.
#[cfg(feature = "sqlite")]
pub mod sqlite {
    pub use glmsg_sqlite::*;
}

/// The project's README is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
