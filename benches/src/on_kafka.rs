//! The raw twins of the workloads on Kafka, and the cluster they run on.

pub(crate) mod cluster;
pub(crate) mod raw;
pub(crate) mod raw_consuming;
pub(crate) mod raw_pacing;
pub(crate) mod raw_publishing;
