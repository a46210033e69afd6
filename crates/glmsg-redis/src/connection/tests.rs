//! The link against real servers. They are those of `cargo xtask services up`, or started here.

mod clusters;
mod durability;
mod faults;
mod logins;
mod sentinels;
pub(crate) mod servers;
mod single;
#[cfg(feature = "tls")]
mod tls;
