//! Counters and latencies of a broker, as this process saw them.

/// Counters; to be filled.
#[derive(Debug, Clone, Default)]
pub struct BrokerMetrics;
