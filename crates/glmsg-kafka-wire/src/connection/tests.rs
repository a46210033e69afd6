//! Connections to brokers that run, and to some that are only scripts.

mod live;
#[cfg(feature = "tls")]
mod live_login;
mod login;
pub(crate) mod script;
mod scripted;
pub(crate) mod servers;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
mod without_tls;
