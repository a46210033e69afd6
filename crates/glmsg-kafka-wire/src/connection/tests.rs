//! Connections to brokers that run, and to some that are only scripts.

mod live;
pub(crate) mod servers;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
mod without_tls;
