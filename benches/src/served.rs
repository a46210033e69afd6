//! The library's workloads on a server, whichever it is.

pub(crate) mod consuming;
pub(crate) mod pacing;
pub(crate) mod progress;
pub(crate) mod publishing;
pub(crate) mod request_reply;
pub(crate) mod store;

use glmsg::TopicConfig;

/// Where the library finds a server that has nothing of the workload's.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) url: String,
    /// The server's process, to look at what it uses; 0 where it is not known.
    pub(crate) pid: u32,
    /// What the topic is made with.
    pub(crate) bounds: TopicConfig,
}
