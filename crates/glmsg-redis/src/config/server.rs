//! Which server, or which set of servers.

use super::{Address, Secret};

/// Which server, or which set of servers.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// One server.
    Single(Address),
    /// The master that sentinels watch.
    Sentinel {
        /// Where sentinels listen.
        sentinels: Vec<Address>,
        /// What they call the master.
        master: String,
        /// The user to log in to the sentinels as.
        user: Option<String>,
        /// The password to log in to the sentinels with.
        password: Option<Secret>,
    },
    /// A cluster.
    Cluster {
        /// Where some of its nodes listen; the others are found.
        seeds: Vec<Address>,
    },
}
